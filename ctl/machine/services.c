#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/procstat.h>

#include <ctl/live/holder.h>
#include <ctl/machine/machine.h>
#include <ctl/machine/reach.h>

#include "machine-internal.h"

#define EXECLINE "/usr/lib/execline/bin" /* execlineb(1) puts it behind PATH */

/* What is being asked, for one service after the other. */
typedef struct visit_s visit;
struct visit_s
{
  bundle const *b;
  report *r;
  service const *sv;
  char const *user; /* 0: whoever we are, or root */
  who w;
  genalloc said; /* of char *: USER CULPRIT, each said once */
};

/* Whether text is new; keeps it. */
static int first_time(visit *v, char const *text)
{
  char **said = genalloc_s(char *, &v->said);
  char *copy;

  for (size_t n = genalloc_len(char *, &v->said); n; n--)
    if (!strcmp(*said++, text)) return 0;
  copy = strdup(text);
  if (copy && !genalloc_append(char *, &v->said, &copy)) free(copy);
  return 1;
}

/* The section to blame: a service without one of its own is [bundle]'s. */
static section const *section_of(visit const *v)
{
  return v->sv->section ? v->sv->section : v->b->self;
}

/* Whether up gives the directory to the service's user anyway. */
static int becomes_its_own(visit const *v, struct stat const *st)
{
  service_directory const *f = genalloc_s(service_directory, &v->sv->directories);
  struct stat own;

  for (size_t n = v->user ? genalloc_len(service_directory, &v->sv->directories) : 0; n; n--, f++)
    if (!strcmp(f->user, v->user) && !stat(f->path, &own) && own.st_ino == st->st_ino &&
        own.st_dev == st->st_dev)
      return 1;
  return 0;
}

/* The kernel runs its interpreter, which reads it. */
static int is_script(char const *path)
{
  char begin[2];

  return openreadnclose_nb(path, begin, 2) == 2 && begin[0] == '#' && begin[1] == '!';
}

/* One complaint about what stands in a user's way is enough. */
static int is_news(visit *v, char const *culprit)
{
  char said[PATH_MAX + 64];

  snprintf(said, sizeof said, "%s %s", v->user ? v->user : "", culprit);
  return first_time(v, said);
}

static void refuse(visit *v, use const *u, char const *culprit)
{
  char mend[REACH_MEND];
  struct stat st;
  int directory = !stat(culprit, &st) && S_ISDIR(st.st_mode);
  int elsewhere = strcmp(culprit, u->path) != 0;

  if (directory && becomes_its_own(v, &st)) return;
  if (!is_news(v, culprit)) return;
  reach_mend(v->user ? &v->w : 0, culprit, u->mode, mend);
  report_error(v->r, section_of(v), v->user ? "user" : 0, "%s%s%s %s %s%s%s: %s", u->from ? u->from : "",
               u->from ? ": " : "", v->user ? v->user : "we",
               directory        ? "cannot reach"
               : u->mode & X_OK ? "may not run the program"
                                : "may not read",
               u->path,
               !elsewhere  ? ""
               : directory ? " through "
                           : ", which is ",
               elsewhere ? culprit : "", mend);
}

/* That the service's user may use it. Returns 0, or the errno of another reason than that he may not. */
static int check_use(visit *v, use u)
{
  char culprit[PATH_MAX];
  int e;

  if (u.mode == X_OK && is_script(u.path)) u.mode |= R_OK;
  e = reach_try(v->user ? &v->w : 0, u.path, u.mode, culprit);
  if (e != EACCES) return e;
  refuse(v, &u, culprit);
  return 0;
}

/* That he gets to path, and through it if it is a directory. What is not there is no concern here. */
static void check_reach(visit *v, char const *path)
{
  struct stat st;

  (void)check_use(v, (use){.path = path, .mode = !stat(path, &st) && S_ISDIR(st.st_mode) ? X_OK : F_OK});
}

static void check_program(visit *v, char const *path)
{
  struct stat st;
  int e = check_use(v, (use){.path = path, .mode = X_OK});

  if (!e && !stat(path, &st) && !S_ISREG(st.st_mode)) e = S_ISDIR(st.st_mode) ? EISDIR : ENOEXEC;
  if (e && first_time(v, path)) report_error(v->r, section_of(v), 0, "the program %s: %s", path, strerror(e));
}

static void check_paths(visit *v)
{
  section const *s = v->sv->section;
  value const *one = s ? genalloc_s(value, &s->values) : 0;

  check_reach(v, v->b->libexec);
  check_reach(v, v->b->home);
  check_reach(v, v->b->control);
  check_reach(v, v->b->run);
  for (size_t n = s ? genalloc_len(value, &s->values) : 0; n; n--, one++)
    if (one->key->type == KEY_PATH) check_reach(v, one->text);
}

/* What env/PATH of the service says, or our own PATH, which services inherit. */
static char const *search_path(service const *sv)
{
  service_file const *f = genalloc_s(service_file, &sv->files);
  char const *path = getenv("PATH");

  for (size_t n = genalloc_len(service_file, &sv->files); n; n--, f++)
    if (!strcmp(f->path, "env/PATH")) return f->bytes.s;
  return path ? path : "/usr/bin:/bin";
}

static int find_program(char *file, char const *path, char const *name)
{
  char const *rest = path;

  for (size_t n; (n = strcspn(rest, ":\n")); rest += n + (rest[n] == ':'))
    if (snprintf(file, PATH_MAX, "%.*s/%s", (int)n, rest, name) < PATH_MAX && !access(file, X_OK)) return 1;
  return 0;
}

/* The program that a command line begins with. A word in quotes is execlineb's alone to read. */
static void check_command(visit *v, value const *one)
{
  section const *s = v->sv->section;
  char const *directory = key_find(s->kind, "directory") ? section_text(s, "directory") : 0;
  size_t n = strcspn(one->text, " \t");
  char word[PATH_MAX];
  char file[PATH_MAX];

  if (n >= sizeof word || memchr(one->text, '"', n) || memchr(one->text, '\\', n)) return;
  snprintf(word, sizeof word, "%.*s", (int)n, one->text);
  if (*word == '/')
    check_program(v, word);
  else if (!strchr(word, '/'))
  {
    if (!find_program(file, search_path(v->sv), word) && !find_program(file, EXECLINE, word) &&
        first_time(v, word))
      report_error(v->r, s, one->key->name, "there is no program `%s` in PATH", word);
  }
  else if (snprintf(file, sizeof file, "%s/%s", directory ? directory : v->b->home, word) < PATH_MAX)
    check_program(v, file);
}

static void check_commands(visit *v)
{
  section const *s = v->sv->section;
  value const *one = s ? genalloc_s(value, &s->values) : 0;

  for (size_t n = s ? genalloc_len(value, &s->values) : 0; n; n--, one++)
    if (one->key->type == KEY_COMMAND) check_command(v, one);
}

static void check_uses(visit *v, service_kind const *kind)
{
  genalloc uses = GENALLOC_ZERO;
  use const *u;

  if (kind->uses) (void)kind->uses(v->sv, &uses);
  u = genalloc_s(use, &uses);
  for (size_t n = genalloc_len(use, &uses); n; n--, u++) (void)check_use(v, *u);
  uses_free(&uses);
}

/* That nobody else has what only one daemon can have. It may end before up, hence a warning. */
static void check_lock(visit *v, service_kind const *kind)
{
  stralloc path = STRALLOC_ZERO;
  char comm[PROCESS_COMM];
  pid_t pid = 0;

  if (kind->lock && kind->lock(v->sv, &path) == 0) pid = holder_of(path.s);
  if (pid && !machine_is_ours(v->b, pid))
  {
    process_comm(comm, pid);
    report_warning(v->r, section_of(v), 0,
                   "the process %ld (%s) has %s, and is none of the bundle's: %s cannot start before it ends",
                   (long)pid, comm, path.s, v->sv->name);
  }
  stralloc_free(&path);
}

static void check_service(visit *v, planned const *ps)
{
  char **program = genalloc_s(char *, &ps->sv.programs);

  v->sv = &ps->sv;
  v->user = v->b->root ? ps->sv.user : 0;              /* 0: begins as root, and reads as root */
  if (v->user && who_find(&v->w, v->user) < 0) return; /* said already */
  check_paths(v);
  for (size_t n = genalloc_len(char *, &ps->sv.programs); n; n--) check_program(v, *program++);
  check_commands(v);
  check_uses(v, ps->kind);
  check_lock(v, ps->kind);
  if (ps->kind->check) ps->kind->check(&ps->sv, v->r);
}

/* The loggers begin as root and become the user of [bundle], who must get to their directories. */
static void check_log(visit *v)
{
  bundle const *b = v->b;
  char culprit[PATH_MAX];
  char mend[REACH_MEND];

  v->user = b->root ? section_text(b->self, "user") : 0;
  if (!v->user || who_find(&v->w, v->user) < 0 || reach_try(&v->w, b->log, X_OK, culprit) != EACCES ||
      !is_news(v, culprit))
    return;
  reach_mend(&v->w, culprit, X_OK, mend);
  report_error(v->r, b->self, "log", "%s cannot reach %s: %s", v->user, b->log, mend);
}

/* The tools that every run script, or mailctl itself, is made of. */
static void check_tools(bundle const *b, report *r)
{
  static char const *const tools[][2] = {
      {"execlineb", "execline"}, {"s6-svscan", "s6"}, {"s6-supervise", "s6"}, {"s6-log", "s6"},
      {"s6-setuidgid", "s6"},    {"s6-envdir", "s6"}, {"s6-ipcserverd", "s6"}};
  char const *path = getenv("PATH");
  char file[PATH_MAX];

  for (size_t i = 0; i < sizeof tools / sizeof tools[0]; i++)
  {
    int found = find_program(file, path ? path : "/usr/bin:/bin", tools[i][0]);
    if (!found)
      report_error(r, b->self, 0, "the program %s is not there (apt-get install %s)", tools[i][0],
                   tools[i][1]);
  }
}

void machine_check_plan(bundle const *b, plan const *p, report *r)
{
  visit v = {.b = b, .r = r, .said = GENALLOC_ZERO};
  planned const *ps = plan_services(p);
  char **said;

  check_tools(b, r);
  check_log(&v);
  for (size_t n = plan_count(p); n; n--, ps++) check_service(&v, ps);
  said = genalloc_s(char *, &v.said);
  for (size_t n = genalloc_len(char *, &v.said); n; n--) free(*said++);
  genalloc_free(char *, &v.said);
}

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <runlib/address.h>

#include <ctl/kinds.h>
#include <ctl/machine.h>
#include <ctl/orphan.h>
#include <ctl/port.h>
#include <ctl/reach.h>

/* --- users -------------------------------------------------------------------------------------- */

static void check_user(section const *s, char const *name, report *r)
{
  who w;

  if (!who_find(&w, name)) return;
  if (errno == ENOENT)
    report_error(r, s, "user",
                 "there is no user `%s` on this machine (root can make it: "
                 "useradd --system --no-create-home --shell /usr/sbin/nologin %s)",
                 name, name);
  else
    report_error(r, s, "user", "unable to look up the user `%s`: %s", name, strerror(errno));
}

/* Whether a section before s names the same user: one report is enough. */
static int named_before(bundle const *b, section const *s, char const *name)
{
  for (section const *t = genalloc_s(section, b->sections); t != s; t++)
  {
    char const *other = section_text(t, "user");
    if (other && !strcmp(other, name)) return 1;
  }
  return 0;
}

static char const *user_of(bundle const *b, section const *s)
{
  char const *user = s ? section_text(s, "user") : 0;
  return user ? user : section_text(b->self, "user");
}

static int has_addresses(section const *s)
{
  for (key const *k = s->kind->keys; k && k->name; k++)
    if (k->type == KEY_ADDRESSES && section_value(s, k->name)) return 1;
  return 0;
}

/* Run by root, whatever a stranger on the network can talk to must be somebody else. */
static void check_root(bundle const *b, section const *s, report *r)
{
  char const *user = user_of(b, s);
  who w;

  if (!b->root || !has_addresses(s)) return;
  if (!user)
    report_error(r, s, "user",
                 "it listens on the network and must not run as root: name a user, here or in [bundle]");
  else if (!who_find(&w, user) && !w.uid)
    report_error(r, s, "user", "it listens on the network and must not run as root (`%s`)", user);
}

static void check_users(bundle const *b, report *r)
{
  section const *s = genalloc_s(section, b->sections);
  char const *group = section_text(b->self, "status-group");

  for (size_t n = genalloc_len(section, b->sections); n; n--, s++)
  {
    char const *name = section_text(s, "user");
    if (name && !named_before(b, s, name)) check_user(s, name, r);
    check_root(b, s, r);
  }
  if (group && !getgrnam(group))
    report_error(r, b->self, "status-group",
                 "there is no group `%s` on this machine (root can make it: groupadd --system %s)", group,
                 group);
}

/* --- folders ------------------------------------------------------------------------------------ */

/* The longest part of path that exists. */
static void existing_part(char const *path, char *part, struct stat *st)
{
  snprintf(part, PATH_MAX, "%s", path);
  while (stat(part, st) < 0 && strlen(part) > 1)
  {
    char *slash = strrchr(part, '/');
    slash[slash == part] = 0;
  }
}

/* A folder that mailctl keeps, and makes where it is missing. */
static void check_kept(bundle const *b, char const *name, report *r)
{
  char const *path = section_text(b->self, name);
  char part[PATH_MAX];
  char culprit[PATH_MAX];
  struct stat st;
  int e;

  existing_part(path, part, &st);
  if (!S_ISDIR(st.st_mode))
  {
    report_error(r, b->self, name, "%s is not a folder", part);
    return;
  }
  e = reach_try(0, part, W_OK | X_OK, culprit);
  if (e == EACCES)
    report_error(r, b->self, name, "we may not write to %s", culprit);
  else if (e)
    report_error(r, b->self, name, "%s: %s", part, strerror(e));
}

/* Root runs what is in STATE and RUN: whoever can rename there is root as well. The sticky bit prevents it. */
static void check_safe(bundle const *b, char const *name, report *r)
{
  char const *path = section_text(b->self, name);
  struct stat st;

  if (!b->root || stat(path, &st) < 0) return;
  if (st.st_uid)
    report_error(r, b->self, name, "root runs what is in %s, which belongs to another user: chown root %s",
                 path, path);
  else if ((st.st_mode & (S_IWGRP | S_IWOTH)) && !(st.st_mode & S_ISVTX))
    report_error(r, b->self, name, "root runs what is in %s, where others may write: chmod go-w %s", path,
                 path);
}

static void check_control(bundle const *b, report *r)
{
  struct stat st;

  if (stat(b->control, &st) < 0)
    report_error(r, b->self, "control", "%s: %s (mailctl init makes one, and notqmail has its own)",
                 b->control, strerror(errno));
  else if (!S_ISDIR(st.st_mode))
    report_error(r, b->self, "control", "%s is not a folder", b->control);
}

/* The loggers begin as root and become the user of [bundle], who must get to their folders. */
static void check_log(bundle const *b, report *r)
{
  char const *user = section_text(b->self, "user");
  char culprit[PATH_MAX];
  who w;

  if (b->root && user && !who_find(&w, user) && reach_try(&w, b->log, X_OK, culprit) == EACCES)
    report_error(r, b->self, "log", "%s cannot reach %s: chmod o+x %s", user, b->log, culprit);
}

static void check_folders(bundle const *b, report *r)
{
  check_kept(b, "state", r);
  check_kept(b, "run", r);
  check_kept(b, "log", r);
  check_log(b, r);
  check_safe(b, "state", r);
  check_safe(b, "run", r);
  check_control(b, r);
}

/* --- addresses ---------------------------------------------------------------------------------- */

static void say_taken(bundle const *b, section const *s, char const *name, address const *a, report *r)
{
  char services[PATH_MAX];
  char text[ADDRESS_FMT];
  char comm[64] = "";
  char path[64];
  pid_t pid = port_owner(a);
  FILE *f;

  snprintf(services, sizeof services, "%s/servicedirs", b->run);
  if (access(services, F_OK) < 0 && errno == EACCES) return; /* nobody can tell; RUN itself is reported */
  if (pid && (port_below(pid, services) || orphan_is(b, pid))) return; /* the bundle's own, already up */
  address_fmt(text, a);
  snprintf(path, sizeof path, "/proc/%ld/comm", (long)pid);
  f = pid ? fopen(path, "re") : 0;
  if (f)
  {
    if (!fgets(comm, sizeof comm, f)) *comm = 0;
    comm[strcspn(comm, "\n")] = 0;
    fclose(f);
  }
  if (pid)
    report_error(r, s, name, "%s is in use, by the process %ld (%s)", text, (long)pid, comm);
  else
    report_error(r, s, name, "%s is in use, by a process that we may not see", text);
}

static void check_address(bundle const *b, section const *s, char const *name, address const *a, report *r)
{
  char text[ADDRESS_FMT];
  int e = port_try(a);

  address_fmt(text, a);
  if (e == EADDRINUSE)
    say_taken(b, s, name, a, r);
  else if (e == EADDRNOTAVAIL)
    report_error(r, s, name, "%s: this machine does not have that address", text);
  else if (e == EACCES)
    report_error(r, s, name,
                 "%s: only root may listen on so low a port (take one over 1023, or start mailctl as root)",
                 text);
  else if (e)
    report_error(r, s, name, "%s: %s", text, strerror(e));
}

static void check_addresses(bundle const *b, section const *s, value const *v, report *r)
{
  char const *rest = v->text;
  char const *word;

  for (size_t n; (n = list_word(&rest, &word));)
  {
    char text[ADDRESS_FMT];
    address a;
    snprintf(text, sizeof text, "%.*s", (int)n, word);
    if (!address_scan(text, &a)) check_address(b, s, v->key->name, &a, r);
  }
}

void machine_check_bundle(bundle const *b, report *r)
{
  section const *s = genalloc_s(section, b->sections);

  check_users(b, r);
  check_folders(b, r);
  for (size_t n = genalloc_len(section, b->sections); n; n--, s++)
  {
    value const *v = genalloc_s(value, &s->values);
    for (size_t m = genalloc_len(value, &s->values); m; m--, v++)
      if (v->key->type == KEY_ADDRESSES) check_addresses(b, s, v, r);
  }
}

/* --- services ----------------------------------------------------------------------------------- */

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

/* That the service's user gets to path, and through it if it is a folder. What is not there is no concern here. */
static void check_reach(visit *v, char const *path)
{
  char culprit[PATH_MAX];
  char text[PATH_MAX + 64];
  struct stat st;
  int folder = !stat(path, &st) && S_ISDIR(st.st_mode);

  if (reach_try(v->user ? &v->w : 0, path, folder ? X_OK : F_OK, culprit) != EACCES) return;
  snprintf(text, sizeof text, "%s %s", v->user ? v->user : "", culprit);
  if (!first_time(v, text)) return;
  if (v->user)
    report_error(v->r, section_of(v), "user", "%s cannot reach %s: chmod o+x %s", v->user, path, culprit);
  else
    report_error(v->r, section_of(v), 0, "we cannot reach %s: %s is shut to us", path, culprit);
}

static void check_program(visit *v, char const *path)
{
  char culprit[PATH_MAX];
  int e = reach_try(v->user ? &v->w : 0, path, X_OK, culprit);

  if (!e || !first_time(v, path)) return;
  if (e == EACCES)
    report_error(v->r, section_of(v), 0, "%s may not run the program %s: chmod o+x %s",
                 v->user ? v->user : "we", path, culprit);
  else
    report_error(v->r, section_of(v), 0, "the program %s: %s", path, strerror(e));
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

static void check_service(visit *v, planned const *ps)
{
  char **program = genalloc_s(char *, &ps->sv.programs);

  v->sv = &ps->sv;
  v->user = v->b->root && ps->sv.user ? user_of(v->b, ps->sv.section) : 0; /* begins as root: reads as root */
  if (v->user && who_find(&v->w, v->user) < 0) return;                     /* said already */
  check_paths(v);
  for (size_t n = genalloc_len(char *, &ps->sv.programs); n; n--) check_program(v, *program++);
  if (ps->kind->check) ps->kind->check(&ps->sv, v->r);
}

/* The tools that every run script, or mailctl itself, is made of. */
static void check_tools(bundle const *b, report *r)
{
  static char const *const tools[][2] = {
      {"execlineb", "execline"}, {"s6-svscan", "s6"}, {"s6-supervise", "s6"}, {"s6-log", "s6"},
      {"s6-setuidgid", "s6"},    {"s6-envdir", "s6"}, {"s6-ipcserverd", "s6"}};
  char const *path = getenv("PATH");

  for (size_t i = 0; i < sizeof tools / sizeof tools[0]; i++)
  {
    char const *rest = path ? path : "/usr/bin:/bin";
    int found = 0;
    for (size_t n; *rest && !found; rest += n + (rest[n] == ':'))
    {
      char file[PATH_MAX];
      n = strcspn(rest, ":");
      snprintf(file, sizeof file, "%.*s/%s", (int)n, rest, tools[i][0]);
      found = !access(file, X_OK);
    }
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
  for (size_t n = plan_count(p); n; n--, ps++) check_service(&v, ps);
  said = genalloc_s(char *, &v.said);
  for (size_t n = genalloc_len(char *, &v.said); n; n--) free(*said++);
  genalloc_free(char *, &v.said);
}

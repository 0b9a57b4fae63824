#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <runlib/mappingrules.h>
#include <runlib/run.h>

#include <services/contract/where.h>

#include <ctl/command/people.h>
#include <ctl/say.h>

#define PEOPLE_PATIENCE 600000 /* ms: to remove a large Maildir */

static int people_paths(people *p)
{
  bundle const *b = &p->w.b;
  section const *auth = bundle_section(b, "auth");
  char const *program = auth ? section_text(auth, "program") : 0;

  if (auth && !(program && *program) && auth_users_file(&p->users, b) < 0) return -1;
  if (spool_present(b) && (spool_aliases(&p->aliases, b) < 0 || spool_mail(&p->mail, b, "") < 0)) return -1;
  return stralloc_cats(&p->senders, b->control) && stralloc_cats(&p->senders, "/senders") &&
                 stralloc_0(&p->senders)
             ? 0
             : -1;
}

/* A mistake in the files is said, and is no reason not to mend it. */
void people_reload(people *p)
{
  rules_files files = {
      .control = p->w.b.control, .aliases = p->aliases.len ? p->aliases.s : 0, .foreign = 1, .programs = 1};
  rules r = RULES_ZERO;

  if (rules_load(&r, &files, &p->map) < 0) say(r.wrong.len ? r.wrong.s : "out of memory");
  stralloc_free(&r.wrong);
}

int people_load(people *p, context const *cx, char const *name)
{
  static people const none = {.w = WANTED_ZERO, .map = MAPPING_ZERO};
  int status;

  *p = none;
  p->cx = cx;
  p->command = name;
  status = wanted_load(&p->w, cx, 0);
  if (status) return status;
  if (people_paths(p) == 0) return people_reload(p), 0;
  say_cannot("find the files");
  return EXIT_SYSTEM;
}

int people_of(people *p, context const *cx, wanted const *w, char const *name)
{
  static people const none = {.w = WANTED_ZERO, .map = MAPPING_ZERO};

  *p = none;
  p->cx = cx;
  p->command = name;
  p->w.b = w->b;
  if (people_paths(p) == 0) return people_reload(p), 0;
  say_cannot("find the files");
  return EXIT_SYSTEM;
}

void people_free(people *p)
{
  mapping_free(&p->map);
  stralloc_free(&p->aliases);
  stralloc_free(&p->senders);
  stralloc_free(&p->users);
  stralloc_free(&p->mail);
  wanted_free(&p->w);
}

int people_name(people const *p, char const *given, char name[MAPPING_NAME_MAX + 1])
{
  char const *at = strrchr(given, '@');
  size_t n = at ? (size_t)(at - given) : strlen(given);
  char lower[256];

  snprintf(lower, sizeof lower, "%s", at ? at + 1 : "");
  for (char *c = lower; *c; c++)
    if (*c >= 'A' && *c <= 'Z') *c = (char)(*c + 32);
  if (at && !mapping_local(&p->map, lower))
  {
    say(p->command, ": ", lower, " is none of our domains; try: mailctl domain add ", lower);
    return EXIT_USAGE;
  }
  if (n > MAPPING_NAME_MAX || !mapping_name_ok(given, n) || memchr(given, ':', n) || memchr(given, ',', n) ||
      *given == '#' || *given == '-' || memchr(given, '@', n))
  {
    say(p->command, ": a name is up to 200 characters without blanks, `/`, `,`, `:` and `@`, and begins with "
                    "none of `.-#`");
    return EXIT_USAGE;
  }
  for (size_t i = 0; i < n; i++)
    name[i] = (char)(given[i] >= 'A' && given[i] <= 'Z' ? given[i] + 32 : given[i]);
  name[n] = 0;
  return 0;
}

int people_edit(people const *p, stralloc const *file, linefile_edit *edit, void *data, int *n)
{
  char const *owner = file == &p->users ? auth_users_owner(&p->w.b) : 0;
  struct passwd const *pw = owner ? getpwnam(owner) : 0;
  linefile const l = {.edit = edit,
                      .data = data,
                      .uid = pw ? pw->pw_uid : (uid_t)-1,
                      .gid = pw ? pw->pw_gid : (gid_t)-1,
                      .mode = file == &p->users ? 0600 : 0644};
  int r = linefile_update(file->s, &l);

  if (n) *n = r;
  if (r >= 0) return 0;
  if (errno == EPROTO) return EXIT_USAGE; /* the edit has said why */
  say_cannot("change ", file->s);
  return EXIT_SYSTEM;
}

int people_read(stralloc const *file, stralloc *text)
{
  text->len = 0;
  if (!file->len || linefile_read(text, file->s) == 0 || errno == ENOENT) return 0;
  say_cannot("read ", file->s);
  return EXIT_SYSTEM;
}

int people_maildir(people const *p, char const *option, char const *name, uint64_t const *quota)
{
  char program[PATH_MAX], path[PATH_MAX], size[32];
  char const *argv[8];
  unsigned int n = 0;
  int status;

  snprintf(program, sizeof program, "%s/spool-deliver", p->cx->libexec);
  snprintf(path, sizeof path, "%s/%s", p->mail.s, name);
  snprintf(size, sizeof size, "%llu", (unsigned long long)(quota ? *quota : 0));
  if (p->w.b.root) argv[n++] = "s6-setuidgid", argv[n++] = spool_user(&p->w.b);
  argv[n++] = program;
  argv[n++] = option;
  if (quota) argv[n++] = "-q", argv[n++] = size;
  argv[n++] = path;
  argv[n] = 0;
  status = run_wait(argv, 0, 0, 0, PEOPLE_PATIENCE);
  if (status < 0) say_cannot("run ", program);
  return status ? EXIT_SYSTEM : 0;
}

int people_exists(void *data, char const *name)
{
  char path[PATH_MAX];
  struct stat st;

  snprintf(path, sizeof path, "%s/%s/new", ((people const *)data)->mail.s, name);
  if (stat(path, &st) == 0) return S_ISDIR(st.st_mode);
  return errno == ENOENT || errno == ENOTDIR ? 0 : 1;
}

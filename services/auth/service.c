#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <services/contract/service.h>
#include <services/contract/where.h>

static key const keys[] = {
    {.name = "program",
     .type = KEY_COMMAND,
     .help = "a program of the checkpassword interface; without it, our own with the file of users"},
    {.name = "users",
     .type = KEY_PATH,
     .help = "the file of names and password hashes (mailctl passwd); without it, auth/users below state"},
    {.name = "user",
     .type = KEY_USER,
     .fallback = "root",
     .help = "whom the program runs as, and the only one who may read the file of users"},
    {.name = "concurrency",
     .type = KEY_COUNT,
     .fallback = "8",
     .min = 1,
     .max = 1000,
     .help = "how many passwords are checked at a time; the others wait"},
    {.name = "timeout",
     .type = KEY_TIME,
     .fallback = "30s",
     .min = 100,
     .max = 3600000,
     .help = "how long the program may take"},
    {.name = 0}};

/* Whose the socket is: of those who ask for passwords, the one user that may open it. */
static char const *client_of(bundle const *b)
{
  section const *s = bundle_section(b, "submission");
  return bundle_user(b, s ? s : bundle_section(b, "smtpd"));
}

static void check_clients(service const *sv, report *r)
{
  bundle const *b = sv->bundle;
  section const *smtpd = bundle_section(b, "smtpd");
  section const *submission = bundle_section(b, "submission");

  if (!b->root || !smtpd || !submission || !section_number(smtpd, "auth")) return;
  if (strcmp(bundle_user(b, smtpd), bundle_user(b, submission)))
    report_error(r, smtpd, "auth",
                 "smtpd and submission both ask auth, whose socket is one user's: give them the same");
}

int auth_users_file(stralloc *path, bundle const *b)
{
  section const *s = bundle_section(b, "auth");
  char const *said = s ? section_text(s, "users") : 0;

  if (said && *said) return stralloc_cats(path, said) && stralloc_0(path) ? 0 : -1;
  return stralloc_cats(path, b->state) && stralloc_cats(path, "/auth/users") && stralloc_0(path) ? 0 : -1;
}

char const *auth_users_owner(bundle const *b)
{
  section const *s = bundle_section(b, "auth");
  char const *user = s ? section_text(s, "user") : 0;

  if (!b->root) return 0;
  return user && *user ? user : "root";
}

static int add_program(stralloc *sa, service const *sv)
{
  char const *program = section_text(sv->section, "program");
  stralloc users = STRALLOC_ZERO;
  int result = -1;

  if (program && *program) return service_append(sa, "%s", program);
  if (service_word(sa, "", sv->bundle->libexec, "/checkpassword-file") == 0 &&
      auth_users_file(&users, sv->bundle) == 0)
    result = service_word(sa, " ", users.s, "");
  stralloc_free(&users);
  return result;
}

/* From here on the socket is descriptor 0. Its owner changes before anybody is served. */
static int add_socket(stralloc *sa, service const *sv)
{
  bundle const *b = sv->bundle;

  if (service_append(sa, "s6-ipcserver-socketbinder -a 0600 ") < 0 ||
      service_word(sa, "", b->run, "/auth.sock") < 0 || service_append(sa, "\n") < 0)
    return -1;
  if (!b->root) return 0;
  if (service_append(sa, "if { chown -h %s ", client_of(b)) < 0 ||
      service_word(sa, "", b->run, "/auth.sock") < 0)
    return -1;
  return service_append(sa, " }\n");
}

/*
 * s6-ipcserverd -1 writes its readiness newline to descriptor 1. For a connection: the request becomes
 * descriptor 3, nothing but the exit code goes back, and what the program prints goes to the log.
 */
static int add_server(stralloc *sa, service const *sv)
{
  unsigned int n = (unsigned int)section_number(sv->section, "concurrency");
  unsigned long ms = (unsigned long)section_number(sv->section, "timeout");

  if (service_append(sa,
                     "fdmove 1 3\n"
                     "s6-ipcserverd -1 -P -c %u -C %u\n"
                     "foreground { fdmove 3 0 redirfd -r 0 /dev/null fdmove -c 1 2 timeout -k 5 %lu.%03lu ",
                     n, n, ms / 1000, ms % 1000) < 0 ||
      add_program(sa, sv) < 0)
    return -1;
  return service_append(sa, " true }\nimportas -i rc ?\necho $rc\n");
}

static int make_directory(service *sv)
{
  stralloc path = STRALLOC_ZERO;
  int result = -1;

  if (section_text(sv->section, "users")) return 0;
  if (service_append(&path, "%s/auth", sv->bundle->state) == 0 && stralloc_0(&path))
    result = service_add_directory(sv, path.s, 0700, 0);
  stralloc_free(&path);
  return result;
}

static int make(service *sv, report *r)
{
  stralloc sa = STRALLOC_ZERO;
  int result = -1;

  check_clients(sv, r);
  if (service_prelude(sv, &sa) < 0 || add_socket(&sa, sv) < 0 || service_append(&sa, "cd ") < 0 ||
      service_quote(&sa, sv->bundle->home) < 0 || service_append(&sa, "\n") < 0 ||
      service_drop(sv, &sa) < 0 || add_server(&sa, sv) < 0)
    goto end;
  if (service_add_file(sv, "run", sa.s, sa.len, 0755) < 0) goto end;
  if (service_add_text(sv, "notification-fd", 0644, "3\n") < 0) goto end;
  if (service_add_text(sv, "timeout-kill", 0644, "5000\n") < 0) goto end;
  result = make_directory(sv);
end:
  stralloc_free(&sa);
  return result;
}

/* Nobody but its owner may read it: that must be who checks passwords. */
static void check_owner(service const *sv, report *r, char const *path, struct stat const *st)
{
  struct passwd const *pw = sv->bundle->root && sv->user ? getpwnam(sv->user) : 0;

  if (pw && pw->pw_uid && pw->pw_uid != st->st_uid)
    report_error(r, sv->section, "users", "%s: %s may not read it: chown %s %s", path, sv->user, sv->user,
                 path);
}

static int counts_failures(bundle const *b)
{
  section const *s = genalloc_s(section, b->sections);

  for (size_t n = genalloc_len(section, b->sections); n; n--, s++)
    if (!strcmp(s->kind->name, "limit") && !strcmp(s->argument, "authfail")) return 1;
  return 0;
}

/* Where strangers may log in, they guess. */
static void check_guessing(service const *sv, report *r)
{
  bundle const *b = sv->bundle;

  if ((bundle_section(b, "smtpd") || bundle_section(b, "submission")) && !counts_failures(b))
    report_warning(
        r, sv->section, 0,
        "nobody counts wrong passwords: add [rater], and [limit authfail] with rule = 0.0.0.0/0 10/10m "
        "penalty 30m and rule = ::/0 10/10m penalty 30m group /64");
}

static void check(service const *sv, report *r)
{
  char const *program = section_text(sv->section, "program");
  stralloc path = STRALLOC_ZERO;
  struct stat st;

  check_guessing(sv, r);
  if ((program && *program) || auth_users_file(&path, sv->bundle) < 0) return;
  if (stat(path.s, &st) < 0)
  {
    if (errno == ENOENT)
      report_warning(r, sv->section, "users", "%s: there is none; mailctl passwd NAME makes it", path.s);
    else
      report_error(r, sv->section, "users", "%s: %s", path.s, strerror(errno));
  }
  else if (!S_ISREG(st.st_mode))
    report_error(r, sv->section, "users", "%s: not a file", path.s);
  else if (st.st_mode & 077)
    report_error(r, sv->section, "users", "%s: others may read it: chmod 600 %s", path.s, path.s);
  else
    check_owner(sv, r, path.s, &st);
  stralloc_free(&path);
}

static int uses(service const *sv, genalloc *list)
{
  char const *program = section_text(sv->section, "program");
  stralloc path = STRALLOC_ZERO;
  int result;

  if (program && *program) return 0;
  result = use_add(list, X_OK, sv->bundle->libexec, "checkpassword-file");
  if (!result) result = auth_users_file(&path, sv->bundle) < 0 ? -1 : use_add(list, F_OK, "", path.s);
  stralloc_free(&path);
  return result;
}

service_kind const auth_kinds[] = {
    {.section = {.name = "auth", .help = "The check of passwords", .keys = keys},
     .make = make,
     .check = check,
     .uses = uses,
     .service = "auth",
     .user = "mailctl-auth",
     .init = ""},
    {.section = {.name = 0}}};

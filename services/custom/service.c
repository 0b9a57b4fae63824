#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <services/contract/service.h>

/* [service NAME]: any other daemon, in the foreground, that the bundle supervises with its own. */

#define CHECK_PAUSE 200 /* milliseconds between two runs of ready-check */

static char const *const signals[] = {"TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "KILL"};

static key const keys[] = {
    {.name = "command",
     .type = KEY_COMMAND,
     .help = "what to run; it must stay in the foreground. Its output goes to the log"},
    {.name = "user", .type = KEY_USER, .help = "whom it runs as; without it, [bundle] user"},
    {.name = "directory",
     .type = KEY_PATH,
     .help = "where it runs; without it, the directory that control is in"},
    {.name = "env", .type = KEY_TEXT, .repeat = 1, .help = "NAME=VALUE: a variable of its environment"},
    {.name = "socket",
     .type = KEY_TEXT,
     .repeat = 1,
     .help = "where it listens, unix:/PATH or inet:ADDRESS:PORT: services whose milter or policy says the "
             "same need it"},
    {.name = "needs", .type = KEY_NAMES, .help = "services that must be ready before it starts"},
    {.name = "ready",
     .type = KEY_TEXT,
     .fallback = "none",
     .help = "the descriptor on which it writes a newline when it is ready (3 or more); none: ready once it "
             "has lived for alive"},
    {.name = "alive",
     .type = KEY_TIME,
     .fallback = "1s",
     .max = 3600000,
     .help = "with neither ready nor ready-check: how long it must live to count as ready"},
    {.name = "ready-check",
     .type = KEY_COMMAND,
     .help = "a command that exits 0 once it is ready; run again and again until then"},
    {.name = "ready-check-timeout",
     .type = KEY_TIME,
     .fallback = "10s",
     .min = 10,
     .max = 3600000,
     .help = "how long one run of ready-check may take"},
    {.name = "ready-timeout",
     .type = KEY_TIME,
     .min = 100,
     .max = 86400000,
     .help = "how long up waits for it to become ready; without it, [bundle] ready-timeout"},
    {.name = "stop-signal",
     .type = KEY_CHOICE,
     .fallback = "TERM",
     .choices = "TERM|INT|HUP|QUIT|USR1|USR2|KILL",
     .help = "the signal that ends it"},
    {.name = "stop-timeout",
     .type = KEY_TIME,
     .fallback = "60s",
     .max = 86400000,
     .help = "how long it may take to end before it is killed; 0: for ever"},
    {.name = 0}};

static char const *text(service const *sv, char const *name)
{
  char const *s = section_text(sv->section, name);
  return s && *s ? s : 0;
}

static char const *directory(service const *sv)
{
  char const *s = text(sv, "directory");
  return s ? s : sv->bundle->home;
}

/* --- the environment ----------------------------------------------------------------------------- */

static size_t name_length(char const *s)
{
  size_t n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789");

  return s[n] == '=' && n && n < 200 && (*s < '0' || *s > '9') ? n : 0;
}

/* Whether an earlier line sets the same variable. */
static int again(service const *sv, size_t i, char const *s, size_t n)
{
  for (size_t k = 0; k < i; k++)
    if (!strncmp(section_nth(sv->section, "env", k)->text, s, n + 1)) return 1;
  return 0;
}

static int add_variable(service *sv, char const *s, size_t n)
{
  char path[256] = "env/";

  memcpy(path + 4, s, n);
  path[4 + n] = 0;
  return service_add_text(sv, path, 0644, "%s\n", s + n + 1);
}

static int add_env(service *sv, report *r)
{
  value const *v;

  for (size_t i = 0; (v = section_nth(sv->section, "env", i)); i++)
  {
    size_t n = name_length(v->text);
    if (!n)
      report_error(r, sv->section, "env", "\"%s\" is not NAME=VALUE", v->text);
    else if (again(sv, i, v->text, n))
      report_error(r, sv->section, "env", "%.*s is set twice", (int)n, v->text);
    else if (add_variable(sv, v->text, n) < 0)
      return -1;
  }
  return 0;
}

/* --- readiness ----------------------------------------------------------------------------------- */

/* Whether it does not tell by itself. */
static int is_silent(service const *sv)
{
  char const *s = text(sv, "ready");

  return text(sv, "ready-check") || !s || !strcmp(s, "none");
}

/* The descriptor on which readiness is told; -1: not a descriptor. */
static int ready_fd(service const *sv)
{
  char const *s = text(sv, "ready");
  char *end;
  unsigned long fd;

  if (is_silent(sv)) return 3;
  fd = strtoul(s, &end, 10);
  return *end || *s < '0' || *s > '9' || fd < 3 || fd > 1000 ? -1 : (int)fd;
}

static int add_notification(service *sv, report *r)
{
  int fd = ready_fd(sv);

  if (fd < 0)
    report_error(r, sv->section, "ready", "\"%s\" is neither none nor a descriptor from 3 to 1000",
                 text(sv, "ready"));
  if (text(sv, "ready-check") && section_says(sv->section, "ready") && strcmp(text(sv, "ready"), "none"))
    report_error(r, sv->section, "ready", "and ready-check cannot both be");
  if (text(sv, "ready-timeout") &&
      service_add_text(sv, "data/ready-timeout", 0644, "%llu\n",
                       (unsigned long long)section_number(sv->section, "ready-timeout")) < 0)
    return -1;
  return service_add_text(sv, "notification-fd", 0644, "%d\n", fd < 0 ? 3 : fd);
}

/*
 * s6-notifyoncheck watches the service directory, so that it must be started there, by the supervisor's user; the
 * check itself runs as the service's. In a grandchild: a daemon may not care for children that it does not know. It ends
 * when the service dies: one that only has to live is checked by `true`, once, when it has lived long enough.
 */
static int add_check(stralloc *sa, service *sv)
{
  char const *command = text(sv, "ready-check");
  stralloc check = STRALLOC_ZERO;
  int result = -1;

  if (!is_silent(sv)) return 0;
  if (!command)
    return service_append(sa, "s6-notifyoncheck -3 3 -d -n 1 -s %llu -c true\n",
                          (unsigned long long)section_number(sv->section, "alive"));
  if (service_append(&check, "cd ") < 0 || service_quote(&check, directory(sv)) < 0 ||
      service_append(&check, "\n") < 0 || service_drop(sv, &check) < 0 ||
      service_append(&check, "redirfd -w 1 /dev/null\n%s", command) < 0 || !stralloc_0(&check))
    goto end;
  if (service_append(sa, "s6-notifyoncheck -3 3 -d -n 0 -w %u -t %llu -c ", CHECK_PAUSE,
                     (unsigned long long)section_number(sv->section, "ready-check-timeout")) < 0)
    goto end;
  result = service_quote(sa, check.s) < 0 ? -1 : service_append(sa, "\n");
end:
  stralloc_free(&check);
  return result;
}

/* --- the service --------------------------------------------------------------------------------- */

/* The command's program, where the file says which: when it is replaced, up restarts the service. */
static int add_program(service *sv, char const *command)
{
  size_t n = strcspn(command, " \t");
  char *program;
  int r;

  if (*command != '/' || memchr(command, '\\', n)) return 0;
  program = strndup(command, n);
  r = program ? service_add_program(sv, program) : -1;
  free(program);
  return r;
}

static int add_run(service *sv, char const *command)
{
  stralloc sa = STRALLOC_ZERO;
  int result = -1;

  if (service_prelude(sv, &sa) == 0 && add_check(&sa, sv) == 0 && service_append(&sa, "cd ") == 0 &&
      service_quote(&sa, directory(sv)) == 0 && service_append(&sa, "\n") == 0 &&
      service_drop(sv, &sa) == 0 && service_append(&sa, "%s\n", command) == 0)
    result = service_add_file(sv, "run", sa.s, sa.len, 0755);
  stralloc_free(&sa);
  return result;
}

static int add_stop(service *sv)
{
  uint64_t signal = section_number(sv->section, "stop-signal");

  if (service_add_text(sv, "timeout-kill", 0644, "%llu\n",
                       (unsigned long long)section_number(sv->section, "stop-timeout")) < 0)
    return -1;
  return signal ? service_add_text(sv, "down-signal", 0644, "SIG%s\n", signals[signal]) : 0;
}

static int make(service *sv, report *r)
{
  char const *command = text(sv, "command");

  if (!command) report_error(r, sv->section, "command", "there is none: what is the service to run?");
  sv->whole = 1; /* a shell that is told to end leaves its children */
  if (add_env(sv, r) < 0 || add_notification(sv, r) < 0 || service_add_needs(sv, text(sv, "needs")) < 0 ||
      add_stop(sv) < 0)
    return -1;
  if (!command) return 0;
  return add_program(sv, command) < 0 ? -1 : add_run(sv, command);
}

/* --- the machine --------------------------------------------------------------------------------- */

static void check(service const *sv, report *r)
{
  char const *path = text(sv, "directory");
  struct stat st;

  if (!path) return;
  if (stat(path, &st) < 0)
  {
    if (errno != EACCES) report_error(r, sv->section, "directory", "%s: %s", path, strerror(errno));
  }
  else if (!S_ISDIR(st.st_mode))
    report_error(r, sv->section, "directory", "%s is not a directory", path);
}

service_kind const custom_kinds[] = {
    {.section = {.name = "service", .argument = "NAME", .help = "Any other daemon", .keys = keys},
     .make = make,
     .check = check},
    {.section = {.name = 0}}};

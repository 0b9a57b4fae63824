#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <services/service.h>
#include <services/monitor/gauge.h>
#include <services/monitor/machine.h>
#include <services/monitor/place.h>
#include <services/monitor/queues.h>

/* The six keys of a signal. Each level without an enter does not heed the signal. */
#define SIGNAL(PREFIX, TYPE, MAX, ENTER, LEAVE, WHAT)                                                        \
  {.name = PREFIX "enter",                                                                                   \
   .type = TYPE,                                                                                             \
   .fallback = ENTER,                                                                                        \
   .max = MAX,                                                                                               \
   .help = WHAT ": overloaded from here on"},                                                                \
      {.name = PREFIX "leave",                                                                               \
       .type = TYPE,                                                                                         \
       .max = MAX,                                                                                           \
       .help = WHAT ": no longer so from here on; without it, " LEAVE},                                      \
      {.name = PREFIX "severe-enter",                                                                        \
       .type = TYPE,                                                                                         \
       .max = MAX,                                                                                           \
       .help = WHAT ": severe overload from here on"},                                                       \
  {                                                                                                          \
    .name = PREFIX "severe-leave", .type = TYPE, .max = MAX,                                                 \
    .help = WHAT ": no longer severe; without it, " LEAVE                                                    \
  }
#define DWELL(PREFIX, UP, DOWN)                                                                              \
  {.name = PREFIX "dwell-up",                                                                                \
   .type = KEY_TIME,                                                                                         \
   .fallback = UP,                                                                                           \
   .max = 86400000,                                                                                          \
   .help = "how long it must be reached, without a break, before a level is entered"},                       \
  {                                                                                                          \
    .name = PREFIX "dwell-down", .type = KEY_TIME, .fallback = DOWN, .max = 86400000,                        \
    .help = "how long it must be over, without a break, before a level is left"                              \
  }
#define OWN_DWELL(PREFIX)                                                                                    \
  {.name = PREFIX "dwell-up", .type = KEY_TIME, .max = 86400000, .help = "without it, dwell-up"},            \
  {                                                                                                          \
    .name = PREFIX "dwell-down", .type = KEY_TIME, .max = 86400000, .help = "without it, dwell-down"         \
  }

#define COMMAND(NAME, WHEN)                                                                                  \
  {                                                                                                          \
    .name = NAME, .type = KEY_COMMAND, .help = "a command to run when " WHEN                                 \
  }

static key const keys[] = {
    {.name = "queue",
     .type = KEY_PATH,
     .repeat = 1,
     .help = "a folder whose files are the messages that wait, flat or split in numbered folders; several "
             "are added "
             "up; without it, todo of the bundle's mta"},
    {.name = "poll",
     .type = KEY_TIME,
     .fallback = "1s",
     .min = 10,
     .max = 600000,
     .help = "how often to measure"},
    SIGNAL("", KEY_COUNT, 1000000000, "100", "half of it", "messages in todo"),
    DWELL("", "2s", "10s"),
    SIGNAL("oldest-", KEY_TIME, 31536000000, 0, "half of it", "age of the oldest message in todo"),
    OWN_DWELL("oldest-"),
    SIGNAL("free-bytes-", KEY_SIZE, 0, 0, "twice as much", "free bytes on the queue's file system"),
    OWN_DWELL("free-bytes-"),
    SIGNAL("free-inodes-", KEY_COUNT, 0, 0, "twice as many", "free inodes on the queue's file system"),
    OWN_DWELL("free-inodes-"),
    SIGNAL("load-", KEY_COUNT, 1000000, 0, "half of it", "load average of a minute, percent of a CPU each"),
    OWN_DWELL("load-"),
    SIGNAL("pressure-cpu-", KEY_COUNT, 100, 0, "half of it", "percent of the time that tasks wait for a CPU"),
    OWN_DWELL("pressure-cpu-"),
    SIGNAL("pressure-memory-", KEY_COUNT, 100, 0, "half of it",
           "percent of the time that tasks wait for memory"),
    OWN_DWELL("pressure-memory-"),
    SIGNAL("pressure-io-", KEY_COUNT, 100, 0, "half of it", "percent of the time that tasks wait for disks"),
    OWN_DWELL("pressure-io-"),
    COMMAND("on-enter", "level 1, overloaded, is entered"),
    COMMAND("on-leave", "level 1 is left"),
    COMMAND("on-severe-enter", "level 2, severe, is entered"),
    COMMAND("on-severe-leave", "level 2 is left"),
    {.name = "command-timeout",
     .type = KEY_TIME,
     .fallback = "30s",
     .min = 1,
     .max = 86400000,
     .help = "how long these commands may take before they are ended"},
    {.name = "text",
     .type = KEY_TEXT,
     .help = "what strangers are told after 451 or 421; without it, Temporary Failure: Server overload"},
    {.name = "exempt-relay-clients",
     .type = KEY_BOOL,
     .fallback = "no",
     .help = "whether a client with $RELAYCLIENT is no stranger"},
    {.name = "user", .type = KEY_USER, .help = "whom it runs as; must be able to read the queue"},
    {.name = 0}};

static char const *const prefixes[GAUGES] = {"",      "oldest-",       "free-bytes-",      "free-inodes-",
                                             "load-", "pressure-cpu-", "pressure-memory-", "pressure-io-"};

/* The value of PREFIX NAME, in the gauge's own unit; 0 if the file does not have it. */
static value const *find(section const *s, gauge_number g, char const *name)
{
  char full[64];
  snprintf(full, sizeof full, "%s%s", prefixes[g], name);
  return section_value(s, full);
}

static uint64_t in_unit(gauge_number g, uint64_t n)
{
  return g == GAUGE_OLDEST ? n / 1000 : n;
}

static uint64_t dwell(section const *s, gauge_number g, char const *name)
{
  value const *v = find(s, g, name);
  if (!v) v = section_value(s, name);
  return v->number;
}

static void set_threshold(threshold *t, section const *s, gauge_number g, char const *enter,
                          char const *leave)
{
  value const *v = find(s, g, enter);
  value const *w = find(s, g, leave);

  if (!v || !v->number) return;
  t->used = 1;
  t->enter = in_unit(g, v->number);
  if (w)
    t->leave = in_unit(g, w->number);
  else
    t->leave = !gauges[g].low ? t->enter / 2 : t->enter > UINT64_MAX / 2 ? UINT64_MAX : 2 * t->enter;
  t->up = dwell(s, g, "dwell-up");
  t->down = dwell(s, g, "dwell-down");
}

static int worse(gauge_number g, uint64_t a, uint64_t b)
{
  return gauges[g].low ? a < b : a > b;
}

static void check_threshold(service *sv, report *r, gauge_number g, threshold const t[LEVELS])
{
  static char const *const leaves[LEVELS] = {"leave", "severe-leave"};
  char name[64];

  for (unsigned int i = 0; i < LEVELS; i++)
    if (t[i].used && worse(g, t[i].leave, t[i].enter))
    {
      snprintf(name, sizeof name, "%s%s", prefixes[g], leaves[i]);
      report_error(r, sv->section, name, "must be %s than the enter that it ends",
                   gauges[g].low ? "more" : "less");
    }
  if (t[0].used && t[1].used && worse(g, t[0].enter, t[1].enter))
  {
    snprintf(name, sizeof name, "%ssevere-enter", prefixes[g]);
    report_error(r, sv->section, name, "must be %s than %senter", gauges[g].low ? "less" : "more",
                 prefixes[g]);
  }
}

static int add_thresholds(stralloc *sa, service *sv, report *r)
{
  unsigned int used = 0;

  for (gauge_number g = 0; g < GAUGES; g++)
  {
    threshold t[LEVELS] = {{.used = 0}, {.used = 0}};
    set_threshold(&t[0], sv->section, g, "enter", "leave");
    set_threshold(&t[1], sv->section, g, "severe-enter", "severe-leave");
    check_threshold(sv, r, g, t);
    for (unsigned int i = 0; i < LEVELS; i++)
      if (t[i].used && ++used &&
          service_append(sa, " -t %s:%u:%" PRIu64 ":%" PRIu64 ":%" PRIu64 ":%" PRIu64, gauges[g].name, i + 1,
                         t[i].enter, t[i].leave, t[i].up, t[i].down) < 0)
        return -1;
  }
  if (!used)
    report_error(r, sv->section, "enter", "0, and no other signal has a threshold: nothing to watch");
  return 0;
}

static int add_word(stralloc *sa, char const *option, char const *folder, char const *name)
{
  stralloc word = STRALLOC_ZERO;
  int result = -1;

  if (stralloc_cats(&word, folder) && stralloc_cats(&word, name) && stralloc_0(&word) &&
      service_append(sa, "%s", option) == 0)
    result = service_quote(sa, word.s);
  stralloc_free(&word);
  return result;
}

static int add_commands(stralloc *sa, section const *s)
{
  static char const *const commands[][3] = {{"on-enter", " -e ", "1:"},
                                            {"on-leave", " -x ", "1:"},
                                            {"on-severe-enter", " -e ", "2:"},
                                            {"on-severe-leave", " -x ", "2:"}};

  for (unsigned int i = 0; i < sizeof commands / sizeof commands[0]; i++)
  {
    char const *text = section_text(s, commands[i][0]);
    if (text && *text && add_word(sa, commands[i][1], commands[i][2], text) < 0) return -1;
  }
  return 0;
}

/* The queue that the bundle's mta has, appended to path, NUL included. */
static int default_queue(stralloc *path, bundle const *b)
{
  section const *spool = bundle_section(b, "spool");
  char const *own = spool ? section_text(spool, "path") : 0;
  int ok;

  if (bundle_qmail(b))
    ok = stralloc_cats(path, section_text(b->self, "qmail-home")) && stralloc_cats(path, "/queue/todo");
  else if (own && *own)
    ok = stralloc_cats(path, own) && stralloc_cats(path, "/todo");
  else
    ok = stralloc_cats(path, b->state) && stralloc_cats(path, "/spool/todo");
  return ok && stralloc_0(path) ? 0 : -1;
}

int monitor_queue(stralloc *path, bundle const *b, section const *s, size_t i)
{
  value const *v = section_nth(s, "queue", i);

  path->len = 0;
  if (v) return stralloc_cats(path, v->text) && stralloc_0(path) ? 1 : -1;
  if (i) return 0;
  return default_queue(path, b) < 0 ? -1 : 1;
}

static int add_queues(stralloc *sa, service *sv, report *r)
{
  stralloc path = STRALLOC_ZERO;
  size_t i = 0;
  int more;

  while ((more = monitor_queue(&path, sv->bundle, sv->section, i)) > 0 &&
         (more = add_word(sa, " ", path.s, "")) == 0)
    i++;
  stralloc_free(&path);
  if (i > 16) report_error(r, sv->section, "queue", "more than 16");
  return more;
}

static int make(service *sv, report *r)
{
  bundle const *b = sv->bundle;
  section const *s = sv->section;
  stralloc sa = STRALLOC_ZERO;
  stralloc path = STRALLOC_ZERO;
  int result = -1;

  if (b->root && (!sv->user || !strcmp(sv->user, "root")))
    report_error(r, s, "user", "never runs as root: name a user here or in [bundle]");
  if (add_word(&sa, "", b->bin, "/mailctl") < 0 ||
      add_word(&sa, " monitor -d 3 -D ", b->run, "/overload") < 0 ||
      add_word(&sa, " -l ", b->control, "/overloaded") < 0 ||
      service_append(&sa, " -p %" PRIu64 " -k %" PRIu64, section_number(s, "poll"),
                     section_number(s, "command-timeout")) < 0 ||
      add_thresholds(&sa, sv, r) < 0 || add_commands(&sa, s) < 0 || add_queues(&sa, sv, r) < 0 ||
      !stralloc_0(&sa))
    goto end;
  if (!stralloc_cats(&path, b->run) || !stralloc_cats(&path, "/overload") || !stralloc_0(&path) ||
      service_add_folder(sv, path.s, 0755, 0) < 0)
    goto end;
  path.len = 0;
  if (!stralloc_cats(&path, b->bin) || !stralloc_cats(&path, "/mailctl") || !stralloc_0(&path) ||
      service_add_program(sv, path.s) < 0)
    goto end;
  result = service_add_run(sv, sa.s, 10000);
end:
  stralloc_free(&sa);
  stralloc_free(&path);
  return result;
}

/* --- what only the machine can tell --- */

/* As the service's user: 0 if it can list the folder, else errno. */
static int listable(char const *path)
{
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno;
  fd_close(fd);
  return 0;
}

/* The same from a root that asks for another user: in a process of its own, which becomes that user. */
static int listable_by(char const *user, char const *path)
{
  struct passwd const *pw = getpwnam(user);
  int wstat;
  pid_t pid;

  if (!pw) return 0; /* reported elsewhere */
  pid = fork();
  if (pid < 0) return 0;
  if (!pid)
    _exit(initgroups(user, pw->pw_gid) < 0 || setgid(pw->pw_gid) < 0 || setuid(pw->pw_uid) < 0
              ? 0
              : listable(path));
  return waitpid_nointr(pid, &wstat, 0) == pid && WIFEXITED(wstat) ? WEXITSTATUS(wstat) : 0;
}

static void check_queue(service const *sv, report *r, char const *path)
{
  int dropped = sv->bundle->root && sv->user;
  int e = dropped ? listable_by(sv->user, path) : listable(path);

  if (!e || (e == ENOENT && !bundle_qmail(sv->bundle))) return; /* the spool makes its own when it starts */
  report_error(r, sv->section, "queue", "%s: %s%s%s%s", path, strerror(e),
               e == EACCES && dropped ? "; let it in: usermod -aG qmail " : "",
               e == EACCES && dropped ? sv->user : "",
               e == EACCES && dropped ? ", if the folder is group qmail's" : "");
}

/* `check` and `up` put the link back that somebody's `rm -f control/overloaded` took. */
static void check_link(service const *sv, report *r)
{
  bundle const *b = sv->bundle;

  switch (overload_link(b->control, b->run, 1))
  {
    case 0: return;
    case 1:
      report_warning(r, sv->section, 0,
                     "%s/overloaded is a file that somebody made: strangers are refused until it is removed",
                     b->control);
      return;
    default:
      report_warning(r, sv->section, 0,
                     "%s/overloaded should be a link to %s/overload/flag, and cannot be made: %s", b->control,
                     b->run, strerror(errno));
  }
}

static void check(service const *sv, report *r)
{
  stralloc path = STRALLOC_ZERO;

  for (size_t i = 0; monitor_queue(&path, sv->bundle, sv->section, i) > 0; i++) check_queue(sv, r, path.s);
  stralloc_free(&path);
  check_link(sv, r);
}

service_kind const monitor_kinds[] = {
    {.section = {.name = "monitor",
                 .help = "The watch over the queue, which raises control/overloaded",
                 .keys = keys},
     .make = make,
     .check = check,
     .service = "monitor",
     .init = ""},
    {.section = {.name = 0}}};

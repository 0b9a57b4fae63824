#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <runlib/gauge.h>

#include <services/contract/service.h>
#include <services/contract/where.h>
#include <services/monitor/check.h>
#include <services/monitor/spec.h>
#include <services/monitor/thresholds.h>

#define COMMAND(NAME, WHEN)                                                                                  \
  {                                                                                                          \
    .name = NAME, .type = KEY_COMMAND, .help = "a command to run when " WHEN                                 \
  }
#define SIGNAL(NAME, WHAT)                                                                                   \
  {                                                                                                          \
    .name = NAME, .type = KEY_TEXT, .help = WHAT                                                             \
  }

static key const keys[] = {
    {.name = "queue",
     .type = KEY_PATH,
     .repeat = 1,
     .help =
         "a directory whose files are the messages that wait, flat or split in numbered directories; without "
         "it, todo of "
         "the bundle's mta"},
    {.name = "poll",
     .type = KEY_TIME,
     .fallback = "1s",
     .min = 10,
     .max = 600000,
     .help = "how often to measure"},
    {.name = "enter",
     .type = KEY_COUNT,
     .fallback = "100",
     .max = 1000000000,
     .help = "overloaded from so many messages in todo on; 0: never"},
    {.name = "leave",
     .type = KEY_COUNT,
     .max = 1000000000,
     .help = "no longer so from here on; without it, half of enter"},
    {.name = "severe-enter",
     .type = KEY_COUNT,
     .min = 1,
     .max = 1000000000,
     .help = "severely overloaded from so many messages on; without it, never"},
    {.name = "severe-leave",
     .type = KEY_COUNT,
     .max = 1000000000,
     .help = "no longer so from here on; without it, half of severe-enter"},
    {.name = "dwell-up",
     .type = KEY_TIME,
     .fallback = "2s",
     .max = 86400000,
     .help = "how long a threshold must be passed, without a break, before a level is entered"},
    {.name = "dwell-down",
     .type = KEY_TIME,
     .fallback = "10s",
     .max = 86400000,
     .help = "how long it must be over, without a break, before a level is left"},
    {.name = "unknown",
     .type = KEY_TIME,
     .fallback = "5m",
     .max = 31536000000,
     .help = "how long a level stays while what it was entered for cannot be measured; 0: for ever"},
    SIGNAL("oldest", "overloaded from this age of the oldest message on: ENTER [LEAVE] [severe ENTER "
                     "[LEAVE]] [dwell UP DOWN]"),
    SIGNAL("free-bytes",
           "overloaded below so much free space where the queue is: as oldest, such as 500M 1G"),
    SIGNAL("free-inodes", "overloaded below so many free inodes there: as oldest"),
    SIGNAL("load", "overloaded from this load average of a minute on, in percent of a CPU each: as oldest"),
    SIGNAL("pressure-cpu",
           "overloaded from this percentage of the time that something waited for a CPU on: as oldest"),
    SIGNAL("pressure-memory",
           "overloaded from this percentage of the time that something waited for memory on: as oldest"),
    SIGNAL("pressure-io",
           "overloaded from this percentage of the time that something waited for a disk on: as oldest"),
    SIGNAL("filter-time", "overloaded from this time on that messages of the last minute have waited for the "
                          "slowest milter, on "
                          "average, such as 5s: as oldest"),
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

static key_type const types[GAUGES] = {
    [GAUGE_BACKLOG] = KEY_COUNT,     [GAUGE_OLDEST] = KEY_TIME, [GAUGE_FREE_BYTES] = KEY_SIZE,
    [GAUGE_FREE_INODES] = KEY_COUNT, [GAUGE_LOAD] = KEY_COUNT,  [GAUGE_CPU] = KEY_COUNT,
    [GAUGE_MEMORY] = KEY_COUNT,      [GAUGE_IO] = KEY_COUNT,    [GAUGE_FILTER] = KEY_TIME};

static void set_backlog(threshold *t, section const *s, char const *enter, char const *leave)
{
  value const *v = section_value(s, enter);
  value const *w = section_value(s, leave);

  if (!v || !v->number) return;
  t->used = 1;
  t->enter = v->number;
  t->leave = w ? w->number : spec_leave(GAUGE_BACKLOG, v->number);
}

static void set_thresholds(threshold t[LEVELS], service *sv, report *r, gauge_number g)
{
  section const *s = sv->section;
  char const *name = g == GAUGE_BACKLOG ? "enter" : gauges[g].name;
  char const *text = g == GAUGE_BACKLOG ? 0 : section_text(s, name);
  char const *wrong = 0;

  for (unsigned int i = 0; i < LEVELS; i++)
    t[i] = (threshold){.up = section_number(s, "dwell-up"), .down = section_number(s, "dwell-down")};
  if (g == GAUGE_BACKLOG)
  {
    set_backlog(&t[0], s, "enter", "leave");
    set_backlog(&t[1], s, "severe-enter", "severe-leave");
    wrong = spec_wrong(g, t);
  }
  else if (text && *text)
    wrong = spec_parse(t, g, types[g], text);
  if (wrong) report_error(r, s, name, "%s", wrong);
}

static int add_thresholds(stralloc *sa, service *sv, report *r)
{
  unsigned int used = 0;

  for (gauge_number g = 0; g < GAUGES; g++)
  {
    threshold t[LEVELS];
    set_thresholds(t, sv, r, g);
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

/* Where those who ask milters count how long that takes. */
static int add_milters(stralloc *sa, service *sv, report *r)
{
  static char const *const names[] = {"smtpd", "submission"};
  char const *text = section_text(sv->section, "filter-time");
  stralloc path = STRALLOC_ZERO;
  int result = 0, any = 0;

  if (!text || !*text) return 0;
  for (unsigned int i = 0; i < 2 && !result; i++)
  {
    section const *s = bundle_section(sv->bundle, names[i]);
    if (!s || !section_nth(s, "milter", 0)) continue;
    any = 1;
    path.len = 0;
    result = service_append(&path, "%s/%s/milters", sv->bundle->state, names[i]) < 0 || !stralloc_0(&path) ||
                     service_word(sa, " -m ", path.s, "") < 0
                 ? -1
                 : 0;
  }
  stralloc_free(&path);
  if (!any)
    report_error(r, sv->section, "filter-time",
                 "nobody asks a milter: neither [smtpd] nor [submission] has one");
  return result;
}

/* Commands may be mailctl itself: they find it, and this bundle. */
static int add_environment(service *sv)
{
  bundle const *b = sv->bundle;

  if (service_add_text(sv, "env/MAILCTL_CONF", 0644, "%s\n", b->file) < 0) return -1;
  return service_add_text(sv, "env/PATH", 0644,
                          "%s:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n", b->bin);
}

/* The next word of a command's text: 0 if there is none. */
static size_t next_word(char const **s)
{
  static char const blanks[] = " \t\n";

  *s += strspn(*s, blanks);
  return strcspn(*s, blanks);
}

static int is_word(char const *s, size_t n, char const *word)
{
  return strlen(word) == n && !memcmp(s, word, n);
}

/* `mailctl down NAME...` and `mailctl up NAME...` in a command: it may do that. */
static int add_controls(service *sv, char const *text)
{
  int in = 0; /* 1: behind `mailctl`, 2: behind up or down */
  char name[256];

  for (size_t n; (n = next_word(&text)); text += n)
  {
    if ((n == 7 || (n > 7 && text[n - 8] == '/')) && !memcmp(text + n - 7, "mailctl", 7))
      in = 1;
    else if (in == 1 && (is_word(text, n, "up") || is_word(text, n, "down")))
      in = 2;
    else if (in == 2 && n < sizeof name && *text != '{' && *text != '}')
    {
      memcpy(name, text, n);
      name[n] = 0;
      if (service_add_control(sv, name) < 0) return -1;
    }
    else
      in = 0;
  }
  return 0;
}

static int add_commands(stralloc *sa, service *sv)
{
  static char const *const commands[][3] = {{"on-enter", " -e ", "1:"},
                                            {"on-leave", " -x ", "1:"},
                                            {"on-severe-enter", " -e ", "2:"},
                                            {"on-severe-leave", " -x ", "2:"}};

  int any = 0;

  for (unsigned int i = 0; i < sizeof commands / sizeof commands[0]; i++)
  {
    char const *text = section_text(sv->section, commands[i][0]);
    if (!text || !*text) continue;
    if (service_word(sa, commands[i][1], commands[i][2], text) < 0 || add_controls(sv, text) < 0) return -1;
    any = 1;
  }
  return any ? add_environment(sv) : 0;
}

/* The queue that the bundle's mta has, appended to path, NUL included. */
static int default_queue(stralloc *path, bundle const *b)
{
  if (!bundle_qmail(b)) return spool_path(path, b, "/todo");
  return stralloc_cats(path, section_text(b->self, "qmail-home")) && stralloc_cats(path, "/queue/todo") &&
                 stralloc_0(path)
             ? 0
             : -1;
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
         (more = service_word(sa, " ", path.s, "")) == 0)
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
  if (service_word(&sa, "", b->libexec, "/monitor") < 0 ||
      service_word(&sa, " -d 3 -D ", b->run, "/overload") < 0 ||
      service_word(&sa, " -l ", b->control, "/overloaded") < 0 ||
      service_append(&sa, " -p %" PRIu64 " -k %" PRIu64 " -u %" PRIu64, section_number(s, "poll"),
                     section_number(s, "command-timeout"), section_number(s, "unknown")) < 0 ||
      add_thresholds(&sa, sv, r) < 0 || add_milters(&sa, sv, r) < 0 || add_commands(&sa, sv) < 0 ||
      add_queues(&sa, sv, r) < 0 || !stralloc_0(&sa))
    goto end;
  if (!stralloc_cats(&path, b->run) || !stralloc_cats(&path, "/overload") || !stralloc_0(&path) ||
      service_add_directory(sv, path.s, 0755, 0) < 0)
    goto end;
  path.len = 0;
  if (!stralloc_cats(&path, b->libexec) || !stralloc_cats(&path, "/monitor") || !stralloc_0(&path) ||
      service_add_program(sv, path.s) < 0)
    goto end;
  result = service_add_run(sv, sa.s, 10000);
end:
  stralloc_free(&sa);
  stralloc_free(&path);
  return result;
}

service_kind const monitor_kinds[] = {
    {.section = {.name = "monitor",
                 .help = "The watch over the queue, which raises control/overloaded",
                 .keys = keys},
     .make = make,
     .check = monitor_check,
     .uses = monitor_uses,
     .service = "monitor",
     .user = "mailctl-monitor",
     .init = ""},
    {.section = {.name = 0}}};

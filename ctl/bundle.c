#include <errno.h>

#include <ctl/bundle.h>

static key const keys[] = {
    {.name = "hostname",
     .type = KEY_TEXT,
     .help =
         "this server's name in Received lines (greetings have control/me); without it, the machine's own"},
    {.name = "mta",
     .type = KEY_CHOICE,
     .fallback = "embedded",
     .choices = "embedded|qmail",
     .help = "who delivers: the bundle's own spool, or the notqmail in qmail-home"},
    {.name = "qmail-home", .type = KEY_PATH, .fallback = "/var/qmail", .help = "where notqmail is installed"},
    {.name = "control",
     .type = KEY_PATH,
     .fallback = "control",
     .help = "the folder of qmail control files (me, rcpthosts, ...), called control; with mta = qmail, "
             "qmail-home's"},
    {.name = "state",
     .type = KEY_PATH,
     .fallback = "state",
     .help = "the folder of what must outlive a reboot: generations, counters, the spool"},
    {.name = "run",
     .type = KEY_PATH,
     .fallback = "run",
     .help = "the folder of what need not: the supervised services and their sockets"},
    {.name = "log",
     .type = KEY_PATH,
     .fallback = "log",
     .help = "the folder of the logs, one folder a service"},
    {.name = "user",
     .type = KEY_USER,
     .help = "whom services run as when their own section does not say; used when mailctl is run by root"},
    {.name = "status-group",
     .type = KEY_TEXT,
     .help =
         "the group whose members may see the status of the services; without it, only who may control them"},
    {.name = "generations",
     .type = KEY_COUNT,
     .fallback = "10",
     .min = 1,
     .max = 10000,
     .help = "how many old generations are kept"},
    {.name = "ready-timeout",
     .type = KEY_TIME,
     .fallback = "30s",
     .min = 100,
     .max = 86400000,
     .help = "how long up waits for a service to become ready"},
    {.name = "drain",
     .type = KEY_TIME,
     .fallback = "1m",
     .min = 100,
     .max = 86400000,
     .help = "how long a service may take to stop, for running SMTP sessions to finish"},
    {.name = "log-size",
     .type = KEY_SIZE,
     .fallback = "1M",
     .min = 4096,
     .max = 267386880,
     .help = "how large a log file grows before the next one is begun"},
    {.name = "log-files",
     .type = KEY_COUNT,
     .fallback = "10",
     .min = 1,
     .max = 10000,
     .help = "how many old log files a service keeps"},
    {.name = 0}};

section_kind const bundle_kind = {.name = "bundle", .help = "The bundle as a whole", .keys = keys};

int bundle_fill(bundle *b, conf const *c, char const *libexec, char const *bin, int root)
{
  section const *s = genalloc_s(section, &c->sections);

  if (!genalloc_len(section, &c->sections) || !c->home || !section_text(s, "hostname"))
    return (errno = ENOMEM, -1);
  b->sections = &c->sections;
  b->self = s;
  b->file = c->file;
  b->hostname = section_text(s, "hostname");
  b->state = section_text(s, "state");
  b->run = section_text(s, "run");
  b->log = section_text(s, "log");
  b->control = section_text(s, "control");
  b->home = c->home;
  b->libexec = libexec;
  b->bin = bin;
  b->root = root;
  return 0;
}

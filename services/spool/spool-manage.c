#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include <skalibs/strerr.h>

#include <services/spool/manage.h>

#define USAGE                                                                                                \
  "spool-manage SPOOL list [FILTER]... [--json] | SPOOL show ID... | "                                       \
  "SPOOL retry|hold|release|bounce|drop ID...|FILTER... [--dry-run] [--yes]"

static char const help[] = "usage: " USAGE "\n"
                           "Shows the messages of a spool, and moves those that go to other hosts.\n"
                           "  --sender PATTERN  with such a sender\n"
                           "  --to PATTERN      with such a recipient, who does not have it yet\n"
                           "  --host PATTERN    the same for the recipient's host\n"
                           "  --state STATE     local, remote, held or failed\n"
                           "  --older SECONDS   older than that\n"
                           "  --all             all\n"
                           "  --json            an array of JSON\n"
                           "  --dry-run         say which, and do nothing\n"
                           "  --yes             do not ask\n"
                           "ID is a message's name, or the end of it. See mailctl(8).\n";

typedef struct verb_s verb;
struct verb_s
{
  char const *name;
  each_entry *act; /* 0: it only shows */
};

static verb const verbs[] = {
    {"list", 0},
    {"show", 0},
    {"retry", &manage_retry},
    {"hold", &manage_hold},
    {"release", &manage_release},
    {"bounce", &manage_bounce},
    {"drop", &manage_drop},
    {0, 0},
};

typedef struct options_s options;
struct options_s
{
  verb const *verb;
  int json, dry, yes, all;
  unsigned int ids, filters;
};

/* --- the command line ---------------------------------------------------------------------------- */

static void wrong(char const *what, char const *word)
{
  strerr_dief(100, what, word);
}

static int is_state(char const *s)
{
  for (unsigned int i = 0; i < PLACES; i++)
    if (!strcmp(s, place_states[i])) return 1;
  return 0;
}

/* Takes an option with a value. Returns 0 if it is none of these. */
static int take_filter(filter *f, char const *option, char const *s)
{
  struct
  {
    char const *name;
    char const **to;
  } const texts[] = {
      {"--sender", &f->sender}, {"--to", &f->recipient}, {"--host", &f->host}, {"--state", &f->state}};
  char *end;

  for (unsigned int i = 0; i < sizeof texts / sizeof *texts; i++)
    if (!strcmp(option, texts[i].name))
    {
      if (!s) wrong("what? behind ", option);
      *texts[i].to = s;
      if (i == 3 && !is_state(s)) wrong("a state is local, remote, held or failed, not ", s);
      return 1;
    }
  if (strcmp(option, "--older")) return 0;
  f->older = s ? strtoull(s, &end, 10) : 0;
  if (!f->older || *end) wrong("--older takes seconds, not ", s ? s : "nothing");
  return 1;
}

static int take_switch(options *o, char const *option)
{
  int *to = !strcmp(option, "--json")      ? &o->json
            : !strcmp(option, "--dry-run") ? &o->dry
            : !strcmp(option, "--yes")     ? &o->yes
            : !strcmp(option, "--all")     ? &o->all
                                           : 0;

  if (to) *to = 1;
  return to != 0;
}

/* ids: room for all the words. */
static void parse(options *o, filter *f, char const **ids, char const *const *argv)
{
  for (o->verb = verbs; o->verb->name && strcmp(o->verb->name, *argv); o->verb++)
    ;
  if (!o->verb->name) wrong("list, show, retry, hold, release, bounce or drop, not ", *argv);
  for (argv++; *argv; argv++)
    if (**argv != '-')
      ids[o->ids++] = *argv;
    else if (take_filter(f, *argv, argv[1]))
    {
      o->filters++;
      argv++;
    }
    else if (!take_switch(o, *argv))
      wrong("there is no option ", *argv);
  if (o->ids) f->ids = ids;
  if (strcmp(o->verb->name, "list") && !o->ids && !o->filters && !o->all)
    wrong("which messages? IDs, filters or --all, for ", o->verb->name);
}

/* --- doing --------------------------------------------------------------------------------------- */

typedef struct action_s action;
struct action_s
{
  each_entry *act;
  unsigned int done;
};

static int count_or_act(manager *m, entry *e, void *data)
{
  action *a = data;
  int r = a->act(m, e, 0);

  if (r < 0) strerr_warnwusys("move ", m->path, "/", place_directories[e->place], "/", e->name);
  a->done += r > 0;
  return 0;
}

static int counts(manager *m, entry *e, void *data)
{
  (void)m, (void)e, (void)data;
  return 0;
}

static int is_agreed(options const *o, int n)
{
  char answer[16] = "";

  if (o->yes || !isatty(0)) return 1;
  printf("%s %d message%s? [y/N] ", o->verb->name, n, n == 1 ? "" : "s");
  fflush(stdout);
  return fgets(answer, sizeof answer, stdin) && (*answer == 'y' || *answer == 'Y');
}

static int do_it(manager *m, options const *o)
{
  action a = {.act = o->verb->act};
  int n = manager_walk(m, o->dry ? &manage_line : &counts, 0);

  if (n < 0) strerr_diefusys(111, "read ", m->path);
  if (o->dry || !n) return printf("%d message%s\n", n, n == 1 ? "" : "s"), n ? 0 : 1;
  if (!is_agreed(o, n)) return 1;
  if (manager_walk(m, &count_or_act, &a) < 0) strerr_diefusys(111, "read ", m->path);
  printf("%s: %u of %d message%s\n", o->verb->name, a.done, n, n == 1 ? "" : "s");
  return a.done ? 0 : 1;
}

static int show(manager *m, options const *o)
{
  json_t *all = o->json ? json_array() : 0;
  int n = manager_walk(m,
                       !strcmp(o->verb->name, "show") ? &manage_show
                       : all                          ? &manage_json
                                                      : &manage_line,
                       all);

  if (n < 0) strerr_diefusys(111, "show ", m->path);
  if (all && (json_dumpf(all, stdout, JSON_INDENT(2)) < 0 || putchar('\n') < 0))
    strerr_diefusys(111, "write");
  if (n || !strcmp(o->verb->name, "list")) return 0;
  strerr_warn(PROG, ": there is no such message");
  return 1;
}

int main(int argc, char const *const *argv)
{
  static manager m;
  options o = {.verb = 0};
  static char const **ids; /* as long as the process lives */
  int status;

  PROG = "spool-manage";
  if (argc == 2 && !strcmp(argv[1], "--help")) return fputs(help, stdout) < 0 || fflush(stdout) ? 111 : 0;
  if (argc == 2 && !strcmp(argv[1], "--version"))
    return puts("spool-manage (mailctl) " VERSION) < 0 || fflush(stdout) ? 111 : 0;
  if (argc < 3) strerr_dieusage(100, USAGE);
  ids = calloc((size_t)argc + 1, sizeof *ids);
  if (!ids) strerr_diefusys(111, "remember the command line");
  parse(&o, &m.filter, ids, argv + 2);
  if (manager_open(&m, argv[1]) < 0) strerr_diefusys(111, "open ", argv[1]);
  status = o.verb->act ? do_it(&m, &o) : show(&m, &o);
  if (fflush(stdout) || ferror(stdout)) strerr_diefusys(111, "write to standard output");
  return status;
}

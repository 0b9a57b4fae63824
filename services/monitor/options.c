#include <string.h>
#include <unistd.h>

#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "options.h"

#define UP   2000
#define DOWN 10000

/* The next number of `1:2:3`, moving *s on; last: it is the last one. */
static int number(char const **s, uint64_t *n, int *last)
{
  size_t len = uint64_scan(*s, n);

  if (!len || ((*s)[len] && (*s)[len] != ':')) return -1;
  *last = !(*s)[len];
  *s += len + !*last;
  return 0;
}

char const *options_threshold(rules *r, char const *text)
{
  size_t len = strcspn(text, ":");
  gauge_number g = gauge_find(text, len);
  uint64_t n[5] = {0, 0, 0, UP, DOWN}; /* level, enter, leave, up, down */
  unsigned int i = 0;
  int last = !text[len];

  if (g >= GAUGES) return "no such signal";
  for (text += len + !last; !last && i < 5; i++)
    if (number(&text, &n[i], &last) < 0) return "not a number";
  if ((i != 3 && i != 5) || !last) return "not SIGNAL:LEVEL:ENTER:LEAVE or SIGNAL:LEVEL:ENTER:LEAVE:UP:DOWN";
  if (!n[0] || n[0] > LEVELS) return "the level is 1 or 2";
  r->at[n[0] - 1][g] = (threshold){.used = 1, .enter = n[1], .leave = n[2], .up = n[3], .down = n[4]};
  return 0;
}

static void threshold_option(options *o, char const *text)
{
  char const *wrong = options_threshold(&o->r, text);
  if (wrong) strerr_dief(100, "-t ", text, ": ", wrong);
}

static void command_option(char const *commands[LEVELS], char const *text)
{
  if ((text[0] != '1' && text[0] != '2') || text[1] != ':' || !text[2])
    strerr_dief(100, "not LEVEL:COMMAND, where the level is 1 or 2: ", text);
  commands[text[0] - '1'] = text + 2;
}

static uint64_t number_option(char opt, char const *text, uint64_t min, uint64_t max)
{
  char const name[] = {'-', opt, 0};
  uint64_t n;

  if (!uint640_scan(text, &n) || n < min || n > max)
    strerr_dief(100, name, " ", text, ": not a number it can be");
  return n;
}

static void parse_one(options *o, int opt, char const *arg)
{
  switch (opt)
  {
    case 'D': o->directory = arg; break;
    case 'd': o->ready = (int)number_option('d', arg, 3, 65535); break;
    case 'l': o->link = arg; break;
    case 'p': o->poll = number_option('p', arg, 10, 600000); break;
    case 'k': o->h.timeout = number_option('k', arg, 1, 86400000); break;
    case 'u': o->r.unknown = number_option('u', arg, 0, 31536000000); break;
    case 't': threshold_option(o, arg); break;
    case 'e': command_option(o->h.enter, arg); break;
    case 'm':
      if (o->m.milters[1]) strerr_dief(100, "more than two -m");
      o->m.milters[o->m.milters[0] != 0] = arg;
      break;
    case 'x': command_option(o->h.leave, arg); break;
    default: strerr_dieusage(100, MONITOR_USAGE);
  }
}

static uint64_t lowest_enter(rules const *r, gauge_number g)
{
  uint64_t least = 0;

  for (unsigned int i = 0; i < LEVELS; i++)
    if (r->at[i][g].used && (!least || r->at[i][g].enter < least)) least = r->at[i][g].enter;
  return least;
}

static uint64_t highest_backlog(rules const *r)
{
  uint64_t highest = 0;

  for (unsigned int i = 0; i < LEVELS; i++)
    if (r->at[i][GAUGE_BACKLOG].used && r->at[i][GAUGE_BACKLOG].enter > highest)
      highest = r->at[i][GAUGE_BACKLOG].enter;
  return highest;
}

static void complete(options *o, int argc, char const *const *argv)
{
  char const *wrong;
  long cpus = sysconf(_SC_NPROCESSORS_ONLN);

  if (!rules_used(&o->r)) options_threshold(&o->r, "backlog:1:100:50");
  wrong = rules_wrong(&o->r);
  if (wrong) strerr_dief(100, "bad thresholds: ", wrong);
  if (!o->directory || !argc) strerr_dieusage(100, MONITOR_USAGE);
  if (argc > QUEUES_MAX) strerr_dief(100, "more than 16 queues");
  for (int i = 0; i < argc; i++) o->m.queues[o->m.n++] = argv[i];
  o->m.asked = rules_used(&o->r) | 1u << GAUGE_BACKLOG | 1u << GAUGE_OLDEST;
  o->m.ages = rules_used(&o->r) & 1u << GAUGE_OLDEST ? MEASURE_AGES_USED : MEASURE_AGES;
  o->m.limit = measure_limit(highest_backlog(&o->r));
  o->m.enough[0] = lowest_enter(&o->r, GAUGE_BACKLOG);
  o->m.enough[1] = lowest_enter(&o->r, GAUGE_OLDEST);
  o->m.cpus = cpus > 0 ? (unsigned int)cpus : 1;
}

void options_parse(options *o, int argc, char const *const *argv)
{
  subgetopt l = SUBGETOPT_ZERO;
  hook const no_hook = HOOK_ZERO;
  int opt;

  memset(o, 0, sizeof *o);
  o->poll = 1000;
  o->r.unknown = 300000;
  o->h = no_hook;
  while ((opt = subgetopt_r(argc, argv, "D:d:l:p:k:m:u:t:e:x:", &l)) != -1) parse_one(o, opt, l.arg);
  complete(o, argc - l.ind, argv + l.ind);
}

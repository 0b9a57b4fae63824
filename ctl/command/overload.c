#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <runlib/field.h>
#include <runlib/overload-flag.h>
#include <runlib/overload-hold.h>
#include <runlib/overload-place.h>
#include <runlib/overload-state.h>
#include <runlib/overload.h>
#include <runlib/queuecount.h>

#include <services/contract/where.h>

#include <ctl/command/command.h>
#include <ctl/command/fleet.h>
#include <ctl/live/history.h>
#include <ctl/machine/load.h>
#include <ctl/say.h>
#include <ctl/words.h>

static char const *const levels[] = {"clear", "overloaded", "severe"};

/* --- showing --- */

static void print_moment(char const *name, uint64_t when, uint64_t now)
{
  char stamp[64];
  char span[WORDS_MAX];
  time_t t = (time_t)when;
  struct tm tm;

  if (!when || !localtime_r(&t, &tm) || !strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S", &tm)) return;
  words_span(span, 1000 * (when > now ? when - now : now - when));
  if (when > now && strcmp(name, "until"))
    printf("%s %s (the clock was set back)\n", name, stamp);
  else
    printf("%s %s (%s%s)\n", name, stamp, span, when > now ? " left" : "");
}

#define AGES 100000 /* so many files are asked for their age: a tenth of a second or two */

/* The whole queue, however large, because somebody asks. */
static void print_count(stored const *s, uint64_t now)
{
  section const *monitor = bundle_section(&s->b, "monitor");
  queuecount q = QUEUECOUNT_ZERO;
  stralloc path = STRALLOC_ZERO;

  for (size_t i = 0; monitor && monitor_queue(&path, &s->b, monitor, i) > 0; i++)
    if (queuecount_add(&q, path.s, 0, AGES) < 0)
    {
      printf("backlog unknown: %s: %s\n", path.s, strerror(errno));
      stralloc_free(&path);
      return;
    }
  stralloc_free(&path);
  if (!monitor) return;
  printf("backlog %" PRIu64, q.files);
  if (q.oldest)
    printf(", oldest %" PRIu64 "s%s", now > q.oldest ? now - q.oldest : 0, q.aged < q.files ? "+" : "");
  puts("");
}

static void print_others(monitor_state const *m)
{
  char text[READING_TEXT];

  for (gauge_number g = GAUGE_FREE_BYTES; g < GAUGES; g++)
  {
    if (m->x.of[g].state == READING_ABSENT) continue;
    reading_text(text, g, &m->x.of[g]);
    puts(text);
  }
}

static char const *who(overload const *flag, hold const *h)
{
  if (flag->maker == OVERLOAD_HAND) return "made by hand";
  if (h->kind == HOLD_ON) return "held on";
  if (h->kind == HOLD_OFF) return "held off";
  return "auto";
}

static int show(stored const *s, char const *directory)
{
  uint64_t now = (uint64_t)time(0);
  char path[PLACE_PATH];
  monitor_state m;
  overload flag;
  hold h;
  int running = !state_read(&m, directory) && state_fresh(&m, now);

  if (place_path(path, s->b.control, "overloaded") < 0 || overload_read(&flag, path, now) < 0)
  {
    say_cannot("read ", s->b.control, "/overloaded");
    return EXIT_SYSTEM;
  }
  if (hold_read(&h, directory) < 0) say_cannot("read ", directory, "/hold");
  if (hold_expired(&h, now)) hold_parse(&h, "", 0);
  printf("level %u, %s, %s%s\n", flag.level, levels[flag.level], who(&flag, &h),
         flag.stale ? " (there is a flag that nobody keeps alive: it is ignored)" : "");
  print_moment("since", flag.level || !running ? flag.since : m.since, now);
  print_moment("until", h.until, now);
  if (h.by[0]) printf("by %s\n", h.by);
  if (h.reason[0] || flag.reason[0]) printf("reason %s\n", h.reason[0] ? h.reason : flag.reason);
  print_count(s, now);
  if (m.level != flag.level && overload_link(s->b.control, s->b.run, 0))
    printf("the monitor says level %u, but %s/overloaded is no link to its flag: `mailctl up` mends that\n",
           m.level, s->b.control);
  if (running)
    print_others(&m);
  else
    puts("no monitor runs");
  return flag.level ? EXIT_NO : 0;
}

/* --- holding --- */

static void by_whom(hold *h)
{
  struct passwd const *pw = getpwuid(getuid());
  char const *sudo = getuid() ? 0 : getenv("SUDO_USER");
  char const *name = sudo && *sudo ? sudo : pw ? pw->pw_name : "an unknown user";

  field_clean(h->by, HOLD_BY, name, strlen(name));
}

static int parse(hold *h, int argc, char const *const *argv)
{
  key const time_key = {.name = "-t", .type = KEY_TIME, .min = 1000, .max = 31536000000};
  key const level_key = {.name = "-l", .type = KEY_COUNT, .min = 1, .max = LEVELS};
  uint64_t n;

  if (strcmp(argv[1], "on") && strcmp(argv[1], "off") && strcmp(argv[1], "auto"))
    return usage_error(argv[0], "on, off or auto");
  h->kind = !strcmp(argv[1], "on") ? HOLD_ON : !strcmp(argv[1], "off") ? HOLD_OFF : HOLD_AUTO;
  h->level = h->kind == HOLD_ON;
  for (int i = 2; i < argc; i += 2)
  {
    if (h->kind == HOLD_AUTO || i + 1 == argc)
      return usage_error(argv[0], "-l LEVEL, -t TIME or -r REASON of a hold");
    if (!strcmp(argv[i], "-t") && !key_number(&time_key, argv[i + 1], &n))
      h->until = h->since + n / 1000;
    else if (!strcmp(argv[i], "-l") && h->kind == HOLD_ON && !key_number(&level_key, argv[i + 1], &n))
      h->level = (unsigned int)n;
    else if (!strcmp(argv[i], "-r"))
      field_clean(h->reason, OVERLOAD_REASON, argv[i + 1], strlen(argv[i + 1]));
    else
      return usage_error(argv[0], "-l 1 or 2 (of on), -t TIME (1s to 365d) or -r REASON");
  }
  return 0;
}

/*
 * The flag itself too, so that the command works at once, and without a monitor. A flag that was made by
 * hand has had its day: a person speaks.
 */
static int set_flag(hold const *h, char const *directory)
{
  flag_fields f = {.level = h->level, .held = 1, .since = h->since, .until = h->until, .reason = h->reason};
  char text[FLAG_TEXT];
  char path[PLACE_PATH];
  overload now;

  if (h->kind == HOLD_ON)
  {
    flag_text(text, &f);
    return place_replace(directory, "flag", text, sizeof text);
  }
  if (h->kind == HOLD_AUTO && !place_path(path, directory, "flag") &&
      overload_read(&now, path, h->since) >= 0 && now.maker == OVERLOAD_MONITOR)
    return 0;
  return place_remove(directory, "flag");
}

/* A file in the place of the link is a flag made by hand: it goes, like the others. */
static void set_link(stored const *s, hold const *h)
{
  int r = overload_link(s->b.control, s->b.run, 0);

  if (!r || (r == 1 && h->kind == HOLD_ON)) return;
  if (r == 1 && place_remove(s->b.control, "overloaded") < 0)
    say_cannot("remove ", s->b.control, "/overloaded");
  else if (r < 0 || overload_link(s->b.control, s->b.run, 1) < 0)
    say_cannot("make the link ", s->b.control, "/overloaded");
}

/* Whether anybody holds the level, by a command or by hand. Where that cannot be read, perhaps. */
static int is_held(stored const *s, char const *directory, uint64_t now)
{
  char path[PLACE_PATH];
  overload flag;
  hold h;

  if (hold_read(&h, directory) < 0 || place_path(path, s->b.control, "overloaded") < 0 ||
      overload_read(&flag, path, now) < 0)
    return 1;
  return (h.kind != HOLD_AUTO && !hold_expired(&h, now)) || flag.maker == OVERLOAD_HAND;
}

static int refused(char const *directory)
{
  if (errno == ENOENT)
  {
    say("no monitor was ever started here: there is no ", directory);
    return EXIT_NONE;
  }
  say_cannot("write in ", directory);
  if (errno == EACCES) say("only root and the monitor's user may");
  return EXIT_SYSTEM;
}

/* The right is asked for first: to remove what is not there would need none. */
static int set(stored const *s, char const *directory, int argc, char const *const *argv)
{
  hold h = HOLD_ZERO;
  int status;
  int held;

  h.since = (uint64_t)time(0);
  by_whom(&h);
  status = parse(&h, argc, argv);
  if (status) return status;
  if (faccessat(AT_FDCWD, directory, W_OK | X_OK, AT_EACCESS) < 0) return refused(directory);
  held = is_held(s, directory, h.since);
  /* The monitor's user, who may hold as well, may not write there: her hold is in the monitor's log. */
  if (!access(s->b.state, W_OK)) history_command(&s->b, argc, argv);
  set_link(s, &h);
  if (hold_write(&h, directory) < 0 || set_flag(&h, directory) < 0) return refused(directory);
  if (h.kind == HOLD_AUTO && !held) puts("there was no hold");
  return 0;
}

int command_overload(context const *cx, int argc, char const *const *argv)
{
  stored s = STORED_ZERO;
  char directory[PLACE_PATH];
  int status;

  if (fleet_asked(argc, argv)) return fleet_command(cx, argc, argv);
  status = stored_load(&s, cx);
  if (!status && place_path(directory, s.b.run, "overload") < 0)
  {
    say_cannot("use ", s.b.run);
    status = EXIT_SYSTEM;
  }
  if (!status) status = argc > 1 ? set(&s, directory, argc, argv) : show(&s, directory);
  stored_free(&s);
  return status;
}

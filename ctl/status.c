#include <stdio.h>
#include <string.h>

#include <runlib/deaths.h>

#include <ctl/command.h>
#include <ctl/live.h>
#include <ctl/load.h>
#include <ctl/orphan.h>
#include <ctl/say.h>
#include <ctl/servicedir.h>
#include <ctl/supervisor.h>
#include <ctl/words.h>

static deaths_state deaths_of(bundle const *b, char const *name)
{
  stralloc sa = STRALLOC_ZERO;
  deaths d = DEATHS_ZERO;

  if (service_append(&sa, "%s/deaths/%s", b->run, name) < 0 || !stralloc_0(&sa) || deaths_read(&d, sa.s) < 0)
    d.state = DEATHS_NONE;
  stralloc_free(&sa);
  return d.state;
}

static char const *state_of(live_status const *st, deaths_state dead)
{
  if (!st->supervised) return "missing";
  if (dead == DEATHS_FAILED && !st->up) return "FAILED";
  if (dead == DEATHS_TRYING && st->wanted && !st->ready) return "FAILED (retrying)";
  if (st->up) return !st->wanted ? "stopping" : st->ready ? "ready" : "starting";
  return st->wanted ? "retrying" : st->finishing ? "stopping" : "stopped";
}

static void print_service(stored const *s, char const *name, int width, int *degraded)
{
  stralloc dir = STRALLOC_ZERO;
  live_status st = {.supervised = 0};
  char pid[WORDS_MAX] = "-";
  char since[WORDS_MAX] = "-";
  char last[WORDS_MAX] = "-";
  tain now;

  if (servicedir_path(&dir, s->b.run, name, "") < 0 || live_read(dir.s, &st) < 0) st.supervised = 0;
  if (st.up) snprintf(pid, sizeof pid, "%d", (int)st.pid);
  if (st.supervised && tain_wallclock_read(&now))
  {
    tain_sub(&now, &now, &st.since);
    words_span(since, (unsigned long long)tain_to_millisecs(&now));
  }
  if (st.supervised && !st.up) words_exit(last, st.wstat);
  printf("%-*s  %-17s  %8s  %8s  %s\n", width, name, state_of(&st, deaths_of(&s->b, name)), since, pid, last);
  if (!st.ready) *degraded = 1;
  stralloc_free(&dir);
}

static int is_named(char const *name, int argc, char const *const *names)
{
  for (int i = 0; i < argc; i++)
    if (!strcmp(names[i], name)) return 1;
  return !argc;
}

static int print_table(stored const *s, int argc, char const *const *names)
{
  entry const *e = genalloc_s(entry, &s->g.entries);
  size_t n = genalloc_len(entry, &s->g.entries);
  int width = 7;
  int degraded = 0;

  for (size_t i = 0; i < n; i++)
    if ((int)strlen(e[i].name) > width) width = (int)strlen(e[i].name);
  printf("%-*s  %-17s  %8s  %8s  %s\n", width, "SERVICE", "STATE", "SINCE", "PID", "LAST EXIT");
  for (size_t i = 0; i < n; i++)
    if (is_named(e[i].name, argc, names)) print_service(s, e[i].name, width, &degraded);
  return degraded ? EXIT_NO : 0;
}

/* With no s6-svscan: whether anything of the bundle runs all the same. */
static int left_over(stored const *s)
{
  entry const *e = genalloc_s(entry, &s->g.entries);
  stralloc dir = STRALLOC_ZERO;
  int found = 0;

  for (size_t n = genalloc_len(entry, &s->g.entries); n && !found; n--, e++)
  {
    live_status st = {.supervised = 0};
    found =
        (servicedir_path(&dir, s->b.run, e->name, "") >= 0 && live_read(dir.s, &st) >= 0 && st.supervised) ||
        orphan_of(&s->b, e->name, "");
  }
  stralloc_free(&dir);
  return found;
}

static void print_orphans(stored const *s)
{
  entry const *e = genalloc_s(entry, &s->g.entries);

  for (size_t n = genalloc_len(entry, &s->g.entries); n; n--, e++)
  {
    pid_t pid = orphan_of(&s->b, e->name, "");
    if (pid)
      printf("%s: an orphan runs outside supervision, pid %d: `mailctl up` ends it\n", e->name, (int)pid);
  }
}

int command_status(context const *cx, int argc, char const *const *argv)
{
  stored s = STORED_ZERO;
  stralloc scandir = STRALLOC_ZERO;
  int status = stored_load(&s, cx);

  for (int i = 1; i < argc && !status; i++)
    if (!generation_find(&s.g, argv[i]))
    {
      say("no service is called ", argv[i], " in what was brought up last");
      status = EXIT_USAGE;
    }
  if (!status)
  {
    int alone = !s.g.number || supervisor_scandir(&scandir, &s.b) < 0 || live_supervisor(scandir.s) <= 0;
    if (alone && !left_over(&s))
    {
      puts("the bundle is not running");
      status = EXIT_NONE;
    }
    else
    {
      status = print_table(&s, argc - 1, argv + 1);
      if (alone)
      {
        puts("\nthe supervisor was killed, and what it ran runs on: `mailctl up` puts it under a new one");
        status = EXIT_NO;
      }
      print_orphans(&s);
    }
  }
  stralloc_free(&scandir);
  stored_free(&s);
  return status;
}

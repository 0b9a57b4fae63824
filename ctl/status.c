#include <stdio.h>
#include <string.h>

#include <ctl/command.h>
#include <ctl/live.h>
#include <ctl/load.h>
#include <ctl/say.h>
#include <ctl/servicedir.h>
#include <ctl/supervisor.h>
#include <ctl/words.h>

static char const *state_of(live_status const *st)
{
  if (!st->supervised) return "missing";
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
  printf("%-*s  %-9s  %8s  %8s  %s\n", width, name, state_of(&st), since, pid, last);
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
  printf("%-*s  %-9s  %8s  %8s  %s\n", width, "SERVICE", "STATE", "SINCE", "PID", "LAST EXIT");
  for (size_t i = 0; i < n; i++)
    if (is_named(e[i].name, argc, names)) print_service(s, e[i].name, width, &degraded);
  return degraded ? EXIT_NO : 0;
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
    if (!s.g.number || supervisor_scandir(&scandir, &s.b) < 0 || live_supervisor(scandir.s) <= 0)
    {
      puts("the bundle is not running");
      status = EXIT_NONE;
    }
    else
      status = print_table(&s, argc - 1, argv + 1);
  }
  stralloc_free(&scandir);
  stored_free(&s);
  return status;
}

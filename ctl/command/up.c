#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/iopause.h>
#include <skalibs/tai.h>

#include <runlib/linkreplace.h>
#include <runlib/overload-place.h>

#include <ctl/command/command.h>
#include <ctl/command/delegated.h>
#include <ctl/live/access.h>
#include <ctl/live/claim.h>
#include <ctl/live/current.h>
#include <ctl/live/directory.h>
#include <ctl/live/history.h>
#include <ctl/live/live.h>
#include <ctl/live/lock.h>
#include <ctl/live/logs.h>
#include <ctl/live/orphan.h>
#include <ctl/live/progress.h>
#include <ctl/live/reload.h>
#include <ctl/live/retire.h>
#include <ctl/live/servicedir.h>
#include <ctl/live/supervisor.h>
#include <ctl/machine/load.h>
#include <ctl/say.h>

#define LOCK_TIMEOUT 120000 /* ms that another command may take */

static void deadline_in(tain *deadline, unsigned int seconds)
{
  tain_addsec_g(deadline, seconds);
}

/* --- the generation ------------------------------------------------------------------------------ */

/* Writes and switches to a new one if the plan differs from the current one. */
static int settle_generation(wanted const *w)
{
  generation old = GENERATION_ZERO;
  stralloc manifest = STRALLOC_ZERO;
  unsigned int number;
  int result = -1;

  if (generation_read(&old, w->b.state) < 0 && errno != EINVAL && errno != ENOENT) goto end;
  if (plan_manifest(&w->p, &manifest) < 0) goto end;
  if (old.number && manifest.len == old.manifest.len && !memcmp(manifest.s, old.manifest.s, manifest.len))
    result = 0;
  else if (generation_write(w->b.state, &w->p, w->c.bytes.s, w->c.bytes.len, &number) >= 0 &&
           generation_switch(w->b.state, number) >= 0)
  {
    history_generation(&w->b, number);
    result = generation_prune(w->b.state, (unsigned int)section_number(w->b.self, "generations"));
  }
end:
  if (result < 0) say_cannot("write a generation below ", w->b.state);
  stralloc_free(&manifest);
  generation_free(&old);
  return result;
}

/* --- supervision --------------------------------------------------------------------------------- */

static int is_supervised(char const *dir)
{
  live_status st;

  (void)live_read(dir, &st);
  return st.supervised;
}

/*
 * Whether both s6-supervise of a service run. One of a linked service that was killed comes back within a
 * second, by s6-svscan: waits for that.
 */
static int has_supervisors(wanted const *w, char const *scandir, char const *name)
{
  static tain const pause = {.sec = TAI_ZERO, .nano = 20000000};
  stralloc dir = STRALLOC_ZERO;
  stralloc log = STRALLOC_ZERO;
  tain deadline;
  int yes = 0;

  if (servicedir_path(&dir, w->b.run, name, "") < 0 || servicedir_path(&log, w->b.run, name, "/log") < 0)
    goto end;
  int linked = live_is_linked(scandir, name, dir.s);
  /* The bundle was moved. s6-svscan knows a service by its folder, not by the way there. */
  if (linked == 2) linked = link_replace(scandir, name, dir.s) < 0 ? -1 : 1;
  deadline_in(&deadline, linked > 0 ? 5 : 0);
  while (!(yes = is_supervised(dir.s) && is_supervised(log.s)) && tain_less(&STAMP, &deadline))
  {
    tain at;
    tain_add(&at, &STAMP, &pause);
    iopause_g(0, 0, &at);
  }
end:
  stralloc_free(&dir);
  stralloc_free(&log);
  return yes;
}

/* Brings the service directories up to date, and puts those that have no s6-supervise under one. */
static int supervise_all(wanted const *w, char const *scandir)
{
  planned const *ps = plan_services(&w->p);
  size_t n = plan_count(&w->p);
  size_t m = 0;
  char const **names = calloc(n + 1, sizeof *names);
  char const **dirs = calloc(n + 1, sizeof *dirs);
  tain deadline;
  int result = names && dirs ? 0 : -1;

  for (size_t i = 0; i < n && !result; i++)
  {
    stralloc dir = STRALLOC_ZERO;
    result =
        servicedir_sync(&w->b, ps[i].sv.name) < 0 || servicedir_path(&dir, w->b.run, ps[i].sv.name, "") < 0
            ? -1
            : 0;
    if (result < 0 || has_supervisors(w, scandir, ps[i].sv.name))
      stralloc_free(&dir);
    else
      names[m] = ps[i].sv.name, dirs[m++] = dir.s;
  }
  deadline_in(&deadline, 30);
  if (!result && m) result = live_add(scandir, dirs, names, m, &deadline, &STAMP);
  for (size_t i = 0; i < m; i++) free((char *)dirs[i]);
  free(names);
  free(dirs);
  return result;
}

static int ensure_supervisor(wanted const *w, char const *scandir)
{
  pid_t pid = live_supervisor(scandir);
  tain deadline;

  if (pid > 0) return supervisor_refresh(&w->b);
  if (pid < 0 && errno != ENOENT && errno != ENOTDIR) return -1;
  deadline_in(&deadline, 30);
  return supervisor_start(&w->b, &deadline, &STAMP);
}

/* --- what to do with each ------------------------------------------------------------------------ */

static goal goal_of(wanted const *w, planned const *ps, entry const *old, reloads *hup)
{
  stralloc dir = STRALLOC_ZERO;
  goal g = GOAL_START;

  switch (current_compare(&w->b, ps->sv.name, ps->content, 0))
  {
    case RUNNING_OLD:
    case RUNNING_REPLACED: g = GOAL_RESTART; break;
    case RUNNING_SAME: /* its data alone may have changed: HUP makes it read them */
      if (old && strcmp(old->data, ps->data) && servicedir_path(&dir, w->b.run, ps->sv.name, "") >= 0)
        (void)reload_send(hup, &w->b, ps->sv.name, dir.s);
      break;
    default: break;
  }
  stralloc_free(&dir);
  return g;
}

/* A logger whose own script changed, or whose file was removed; it loses nothing, because s6-svscan holds the pipe that it reads. */
static void settle_logger(wanted const *w, planned const *ps)
{
  stralloc dir = STRALLOC_ZERO;
  running r = current_compare_logger(&w->b, ps->sv.name, ps->log);

  if ((r == RUNNING_OLD || (r == RUNNING_SAME && logs_lost(w->b.log, ps->sv.name))) &&
      servicedir_path(&dir, w->b.run, ps->sv.name, "/log") >= 0)
    (void)live_control(dir.s, "r");
  stralloc_free(&dir);
}

static int start_all(wanted const *w, generation const *old, int argc, char const *const *names)
{
  planned const *ps = plan_services(&w->p);
  reloads hup = RELOADS_ZERO;
  transition t;
  int status = EXIT_SYSTEM;
  int kept;

  transition_init(&t, &w->b);
  for (size_t n = plan_count(&w->p); n; n--, ps++)
  {
    int chosen = plan_chosen(&w->p, ps->sv.name, argc, names);
    if (chosen) settle_logger(w, ps);
    if (transition_add(&t, ps->sv.name, &ps->sv.needs,
                       chosen ? goal_of(w, ps, generation_find(old, ps->sv.name), &hup) : GOAL_KEEP) < 0)
      goto end;
  }
  status = progress_run(&t, &STAMP);
  kept = reload_wait(&hup, &STAMP);
  if (!status) status = kept;
end:
  reload_free(&hup);
  transition_free(&t);
  return status;
}

/* ------------------------------------------------------------------------------------------------- */

/* What kill -9 of s6's own processes left behind. */
static int settle_orphans(bundle const *b, char const *scandir)
{
  int status = 0;

  if (live_supervisor(scandir) <= 0) status = orphan_end_supervisors(b, 1, &STAMP);
  return status ? status : orphan_end_daemons(b, &STAMP) < 0 ? EXIT_SYSTEM : 0;
}

/* Puts the link back that somebody's `rm -f control/overloaded` took: nobody would look at the monitor's flag. */
static void settle_flag(bundle const *b)
{
  if (bundle_section(b, "monitor") && overload_link(b->control, b->run, 1) < 0)
    say_cannot("make ", b->control, "/overloaded a link to ", b->run, "/overload/flag");
}

static int converge(wanted const *w, int argc, char const *const *names)
{
  generation old = GENERATION_ZERO;
  stralloc scandir = STRALLOC_ZERO;
  int status = EXIT_SYSTEM;

  if (supervisor_scandir(&scandir, &w->b) < 0) goto end;
  (void)generation_read(&old, w->b.state);
  if (live_supervisor(scandir.s) > 0 &&
      (status = retire_displace(&w->b, &w->p, &old, scandir.s, argc, names)))
    goto end;
  status = EXIT_SYSTEM;
  if (directory_make_all(&w->p, argc, names) < 0 || settle_generation(w) < 0) goto end;
  if (claim_make(&w->b) < 0) say_cannot("link ", w->b.state, " and ", w->b.run);
  settle_flag(&w->b);
  if ((status = settle_orphans(&w->b, scandir.s))) goto end;
  status = EXIT_SYSTEM;
  if (ensure_supervisor(w, scandir.s) < 0)
  {
    say_cannot("start s6-svscan on ", scandir.s);
    goto end;
  }
  if (!argc && (status = retire_remove(&w->b, &w->p, &old, scandir.s))) goto end;
  status = EXIT_SYSTEM;
  if (supervise_all(w, scandir.s) < 0)
  {
    say_cannot("add the services to ", scandir.s);
    goto end;
  }
  (void)access_all(&w->b, &w->p); /* mail comes before those who watch it */
  status = start_all(w, &old, argc, names);
end:
  generation_free(&old);
  stralloc_free(&scandir);
  return status;
}

static int take_lock(char const *state, int *lock)
{
  *lock = lock_take(state, "up", LOCK_TIMEOUT, 0);
  if (*lock >= 0) return 0;
  say_cannot("lock ", state, "/lock");
  return errno == ETIMEDOUT ? EXIT_TIMEOUT : EXIT_SYSTEM;
}

static int check_names(wanted const *w, int argc, char const *const *names)
{
  for (int i = 0; i < argc; i++)
    if (!plan_find(&w->p, names[i]))
    {
      say("no service is called ", names[i], " in ", w->b.file);
      return EXIT_USAGE;
    }
  return 0;
}

/*
 * The machine is asked under the lock, because another command may be about to free or take a port. Where
 * there is no STATE yet nobody else can be at work, and nothing is written before all is found to be well.
 */
static int up(context const *cx, char const *state, int argc, char const *const *argv, int *lock)
{
  char const *const *names = argv + 1;
  wanted w = WANTED_ZERO;
  int fresh = access(state, F_OK) < 0;
  int status = fresh ? 0 : take_lock(state, lock);

  if (!status) status = wanted_load(&w, cx, 1);
  if (!status) status = check_names(&w, argc - 1, names);
  if (!status && directory_make_bundle(&w.b) < 0) status = EXIT_SYSTEM;
  if (!status && fresh) status = take_lock(state, lock);
  if (!status)
  {
    history_command(&w.b, argc, argv);
    status = converge(&w, argc - 1, names);
  }
  wanted_free(&w);
  return status;
}

int command_up(context const *cx, int argc, char const *const *argv)
{
  int status = delegated_move(cx, GOAL_START, argc - 1, argv + 1);
  char *state = status < 0 ? find_state(cx) : 0;
  int lock = -1;

  if (status >= 0) return status;
  if (!state) return EXIT_SYSTEM;
  tain_now_set_stopwatch_g();
  status = up(cx, state, argc, argv, &lock);
  if (lock >= 0) fd_close(lock);
  free(state);
  return status;
}

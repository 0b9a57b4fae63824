#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/iopause.h>
#include <skalibs/tai.h>

#include <runlib/linkreplace.h>
#include <runlib/overload-place.h>

#include <ctl/context.h>
#include <ctl/live/access.h>
#include <ctl/live/claim.h>
#include <ctl/live/converge.h>
#include <ctl/live/current.h>
#include <ctl/live/directory.h>
#include <ctl/live/history.h>
#include <ctl/live/live.h>
#include <ctl/live/logs.h>
#include <ctl/live/orphan.h>
#include <ctl/live/pending.h>
#include <ctl/live/progress.h>
#include <ctl/live/reload.h>
#include <ctl/live/retire.h>
#include <ctl/live/servicedir.h>
#include <ctl/live/supervisor.h>
#include <ctl/say.h>

static void deadline_in(tain *deadline, unsigned int seconds)
{
  tain_addsec_g(deadline, seconds);
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
static int has_supervisors(bundle const *b, char const *scandir, char const *name)
{
  static tain const pause = {.sec = TAI_ZERO, .nano = 20000000};
  stralloc dir = STRALLOC_ZERO;
  stralloc log = STRALLOC_ZERO;
  tain deadline;
  int yes = 0;

  if (servicedir_path(&dir, b->run, name, "") < 0 || servicedir_path(&log, b->run, name, "/log") < 0)
    goto end;
  int linked = live_is_linked(scandir, name, dir.s);
  /* The bundle was moved. s6-svscan knows a service by its directory, not by the way there. */
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
static int supervise_all(bundle const *b, plan const *p, char const *scandir)
{
  planned const *ps = plan_services(p);
  size_t n = plan_count(p);
  size_t m = 0;
  char const **names = calloc(n + 1, sizeof *names);
  char const **dirs = calloc(n + 1, sizeof *dirs);
  tain deadline;
  int result = names && dirs ? 0 : -1;

  for (size_t i = 0; i < n && !result; i++)
  {
    stralloc dir = STRALLOC_ZERO;
    result = servicedir_sync(b, ps[i].sv.name) < 0 || servicedir_path(&dir, b->run, ps[i].sv.name, "") < 0
                 ? -1
                 : 0;
    if (result < 0 || has_supervisors(b, scandir, ps[i].sv.name))
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

static int ensure_supervisor(bundle const *b, char const *scandir)
{
  pid_t pid = live_supervisor(scandir);
  tain deadline;

  if (pid > 0) return supervisor_refresh(b);
  if (pid < 0 && errno != ENOENT && errno != ENOTDIR) return -1;
  deadline_in(&deadline, 30);
  return supervisor_start(b, &deadline, &STAMP);
}

/* --- what to do with each ------------------------------------------------------------------------ */

#define NO_DATA "e3b0c44298fc1c149afbf4c8996fb924" /* the hash of no files: the service rereads nothing */

/* unfinished: nobody knows whether it has heard of its data. */
static goal goal_of(bundle const *b, planned const *ps, entry const *old, int unfinished, reloads *hup)
{
  stralloc dir = STRALLOC_ZERO;
  goal g = GOAL_START;

  switch (current_compare(b, ps->sv.name, ps->content, 0))
  {
    case RUNNING_OLD:
    case RUNNING_REPLACED: g = GOAL_RESTART; break;
    case RUNNING_SAME: /* its data alone may have changed: HUP makes it read them */
      if (((old && strcmp(old->data, ps->data)) || (unfinished && strcmp(ps->data, NO_DATA))) &&
          servicedir_path(&dir, b->run, ps->sv.name, "") >= 0)
        (void)reload_send(hup, b, ps->sv.name, dir.s);
      break;
    default: break;
  }
  stralloc_free(&dir);
  return g;
}

/* A logger whose own script changed, or whose file was removed; it loses nothing, because s6-svscan holds the pipe that it reads. */
static void settle_logger(bundle const *b, planned const *ps)
{
  stralloc dir = STRALLOC_ZERO;
  running r = current_compare_logger(b, ps->sv.name, ps->log);

  if ((r == RUNNING_OLD || (r == RUNNING_SAME && logs_lost(b->log, ps->sv.name))) &&
      servicedir_path(&dir, b->run, ps->sv.name, "/log") >= 0)
    (void)live_control(dir.s, "r");
  stralloc_free(&dir);
}

static int start_all(convergence *c, generation const *old, int unfinished)
{
  planned const *ps = plan_services(c->p);
  reloads hup = RELOADS_ZERO;
  transition t;
  int status = EXIT_SYSTEM;
  int kept;

  transition_init(&t, c->b);
  for (size_t n = plan_count(c->p); n; n--, ps++)
  {
    int chosen = plan_chosen(c->p, ps->sv.name, c->argc, c->names);
    if (chosen) settle_logger(c->b, ps);
    if (transition_add(&t, ps->sv.name, &ps->sv.needs,
                       chosen ? goal_of(c->b, ps, generation_find(old, ps->sv.name), unfinished, &hup)
                              : GOAL_KEEP) < 0)
      goto end;
  }
  t.why = &c->why;
  status = progress_run(&t, &STAMP);
  kept = reload_wait(&hup, &STAMP);
  fflush(stdout); /* what follows is on stderr */
  if (kept && !status)
  {
    if (stralloc_cats(&c->why, "a service kept its files of before")) (void)stralloc_0(&c->why);
    status = kept;
  }
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

/*
 * The services' directories lead through STATE/current: from this one step on, whatever starts is of the new generation.
 * Until it has come to its end, the note says that it was begun: somebody who is killed in between may have left some
 * service with its old data.
 */
static int switch_to(convergence *c, generation const *old)
{
  if (old->number == c->number) return 0;
  (void)generation_note(c->b->state, c->number, "begun\n"); /* a full disk must not stand in the way back */
  if (generation_switch(c->b->state, c->number) < 0) return -1;
  history_generation(c->b, c->number);
  return 0;
}

static int is_unfinished(char const *state, unsigned int number)
{
  stralloc note = STRALLOC_ZERO;
  int yes = generation_file(&note, state, number, GENERATION_HEALTH) >= 0 &&
            (note.len < 7 || memcmp(note.s, "healthy", 7));

  stralloc_free(&note);
  return yes;
}

/* Where all that is refused is the script of a signal, because a disk is full, what runs serves on with the old one. */
static int supervise(bundle const *b, char const *scandir)
{
  int runs = live_supervisor(scandir) > 0;

  if (ensure_supervisor(b, scandir) >= 0) return 0;
  say_cannot(runs ? "bring up to date what s6-svscan runs in " : "start s6-svscan on ", scandir);
  return runs && errno == ENOSPC ? 0 : -1;
}

/* From before the switch on, or from the start of a supervisor, somebody watches what is to be confirmed. */
static int watch_pending(bundle const *b, char const *scandir)
{
  if (pending_watch(b, scandir) >= 0) return 0;
  say_cannot("have s6-svscan watch what is to be confirmed");
  return errno == ENOSPC ? 0 : -1;
}

int converge(convergence *c)
{
  bundle const *b = c->b;
  plan const *p = c->p;
  generation old = GENERATION_ZERO;
  stralloc scandir = STRALLOC_ZERO;
  int status = EXIT_SYSTEM;
  int unfinished;

  if (supervisor_scandir(&scandir, b) < 0) goto end;
  (void)generation_read(&old, b->state);
  unfinished = is_unfinished(b->state, old.number);
  if (live_supervisor(scandir.s) > 0 && (status = retire_displace(b, p, &old, scandir.s, c->argc, c->names)))
    goto end;
  status = EXIT_SYSTEM;
  if (directory_make_all(p, c->argc, c->names) < 0) goto end;
  if (live_supervisor(scandir.s) > 0 && watch_pending(b, scandir.s) < 0) goto end;
  if (switch_to(c, &old) < 0)
  {
    say_cannot("switch ", b->state, "/current");
    goto end;
  }
  if (claim_make(b) < 0) say_cannot("link ", b->state, " and ", b->run);
  settle_flag(b);
  if ((status = settle_orphans(b, scandir.s))) goto end;
  status = EXIT_SYSTEM;
  if (supervise(b, scandir.s) < 0 || watch_pending(b, scandir.s) < 0) goto end;
  if (!c->argc && (status = retire_remove(b, p, &old, scandir.s))) goto end;
  status = EXIT_SYSTEM;
  if (supervise_all(b, p, scandir.s) < 0)
  {
    say_cannot("add the services to ", scandir.s);
    goto end;
  }
  (void)access_all(b, p); /* mail comes before those who watch it */
  status = start_all(c, &old, unfinished);
end:
  generation_free(&old);
  stralloc_free(&scandir);
  return status;
}

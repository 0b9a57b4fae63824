#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/tai.h>

#include <ctl/command/command.h>
#include <ctl/command/delegated.h>
#include <ctl/live/claim.h>
#include <ctl/live/doors.h>
#include <ctl/live/history.h>
#include <ctl/live/live.h>
#include <ctl/live/lock.h>
#include <ctl/live/orphan.h>
#include <ctl/live/progress.h>
#include <ctl/live/reload.h>
#include <ctl/live/servicedir.h>
#include <ctl/live/supervisor.h>
#include <ctl/machine/load.h>
#include <ctl/say.h>

#define LOCK_TIMEOUT 120000 /* ms that another command may take */

static int is_named(char const *name, int argc, char const *const *names)
{
  for (int i = 0; i < argc; i++)
    if (!strcmp(names[i], name)) return 1;
  return 0;
}

/* g for the named services, or for all where none is named; the rest is kept. */
static int move_all(stored const *s, goal g, int argc, char const *const *names)
{
  entry *e = genalloc_s(entry, &s->g.entries);
  transition t;
  int status = EXIT_SYSTEM;

  transition_init(&t, &s->b);
  for (size_t n = genalloc_len(entry, &s->g.entries); n; n--, e++)
    if (transition_add(&t, e->name, &e->needs, !argc || is_named(e->name, argc, names) ? g : GOAL_KEEP) < 0)
      goto end;
  status = progress_run(&t, &STAMP);
end:
  transition_free(&t);
  return status;
}

static int stop_supervisor(stored const *s)
{
  tain deadline;

  tain_addsec_g(&deadline, 30);
  if (supervisor_stop(&s->b, &deadline, &STAMP) >= 0) return 0;
  say_cannot("stop s6-svscan on ", s->b.run, "/service");
  return errno == ETIMEDOUT ? EXIT_TIMEOUT : EXIT_SYSTEM;
}

static int check_names(stored const *s, int argc, char const *const *names)
{
  for (int i = 0; i < argc; i++)
    if (!generation_find(&s->g, names[i]))
    {
      say("no service is called ", names[i], " in what was brought up last");
      return EXIT_USAGE;
    }
  return 0;
}

/* 1: an s6-svscan runs; 0: none does, which is said; -1: nobody knows, and why is said. */
static int is_running(stored const *s)
{
  stralloc scandir = STRALLOC_ZERO;
  pid_t pid = supervisor_scandir(&scandir, &s->b) < 0 ? -1 : live_supervisor(scandir.s);

  stralloc_free(&scandir);
  if (!pid) puts("the bundle is not running");
  if (pid < 0) say_cannot("find the s6-svscan of ", s->b.run, "/service");
  return pid > 0 ? 1 : (int)pid;
}

static int end_daemons(stored const *s)
{
  return orphan_end_daemons(&s->b, &STAMP) < 0 || doors_close(&s->b) < 0 ? EXIT_SYSTEM : 0;
}

/* Nothing should run now; what kill -9 left running is ended too. */
static int clear_orphans(stored const *s)
{
  int status = orphan_end_supervisors(&s->b, 0, &STAMP);
  return status ? status : end_daemons(s);
}

static int down(stored const *s, int argc, char const *const *names)
{
  int status;
  int running = is_running(s);

  if (running <= 0) return running ? EXIT_SYSTEM : clear_orphans(s);
  status = move_all(s, GOAL_STOP, argc, names);
  if (argc || (status && status != EXIT_TIMEOUT)) return status;
  /* Before the supervisor: an orphan holds its logger's pipe open. */
  status = end_daemons(s);
  return status ? status : stop_supervisor(s);
}

static int restart(stored const *s, int argc, char const *const *names)
{
  int running = is_running(s);

  return running > 0 ? move_all(s, GOAL_RESTART, argc, names) : running ? EXIT_SYSTEM : EXIT_NONE;
}

/* Whether the process catches HUP, or holds it back to read it from a descriptor; it ends others. 1 where we may not see. */
static int takes_hup(pid_t pid)
{
  char name[40];
  char buf[4096];
  unsigned long long taken = 0;
  ssize_t n;

  snprintf(name, sizeof name, "/proc/%d/status", (int)pid);
  n = openreadnclose(name, buf, sizeof buf - 1);
  if (n <= 0) return 1;
  buf[n] = 0;
  for (char const *s = buf; (s = strchr(s, '\n')); s++) /* proc(5) */
    if (!strncmp(s, "\nSigCgt:", 8) || !strncmp(s, "\nSigBlk:", 8)) taken |= strtoull(s + 8, 0, 16);
  return taken >> (SIGHUP - 1) & 1;
}

/* 0, or the exit status of a service that cannot be reloaded, which is said. */
static int may_reload(char const *dir, char const *name)
{
  live_status st;

  if (live_read(dir, &st) < 0) return 0; /* s6 will tell */
  if (!st.up)
    say(name, " does not run: there is nothing to reload");
  else if (!takes_hup(st.pid))
    say(name, " has no handler for HUP, which would end it: `mailctl restart ", name, "`");
  else
    return 0;
  return EXIT_NO;
}

static int reload(stored const *s, int argc, char const *const *names)
{
  stralloc dir = STRALLOC_ZERO;
  reloads r = RELOADS_ZERO;
  int refused;
  int status = 0;
  int running = is_running(s);

  if (running <= 0) return running ? EXIT_SYSTEM : EXIT_NONE;
  for (int i = 0; i < argc; i++)
    if (!servicedir_path(&dir, s->b.run, names[i], "") && (refused = may_reload(dir.s, names[i])))
      status = refused;
    else if (!dir.len || reload_send(&r, &s->b, names[i], dir.s) < 0)
    {
      say_cannot("reload ", names[i]);
      status = EXIT_SYSTEM;
    }
  refused = reload_wait(&r, &STAMP);
  reload_free(&r);
  stralloc_free(&dir);
  return status ? status : refused;
}

/*
 * The s6-svscan that a signal made run this command; 0: it was not. Another signal runs another one, which would have nothing to
 * do, but keep open the pipe whose end s6-svscan waits for.
 */
static pid_t signalled(stored const *s)
{
  stralloc scandir = STRALLOC_ZERO;
  pid_t pid = supervisor_scandir(&scandir, &s->b) < 0 ? 0 : live_supervisor(scandir.s);

  stralloc_free(&scandir);
  return pid > 0 && pid == getppid() ? pid : 0;
}

/* The common frame: what was brought up last, the names checked against it, the lock. */
static int with_stored(context const *cx, int argc, char const *const *argv,
                       int (*act)(stored const *, int, char const *const *))
{
  stored s = STORED_ZERO;
  int status = stored_load(&s, cx);
  int lock = -1;

  tain_now_set_stopwatch_g();
  if (!status && !s.g.number)
  {
    report r = {.file = s.b.file};
    status = claim_taken(&s.b, &r) ? EXIT_CONF : act == &down ? 0 : EXIT_NONE;
    if (status != EXIT_CONF) puts("nothing was ever brought up from this file");
    allwrite(2, r.text.s, r.text.len);
    report_free(&r);
    goto end;
  }
  if (!status) status = check_names(&s, argc - 1, argv + 1);
  if (!status && (lock = lock_take(s.b.state, argv[0], LOCK_TIMEOUT, signalled(&s))) < 0)
  {
    if (errno == EALREADY) goto end;
    say_cannot("lock ", s.b.state, "/lock");
    status = errno == ETIMEDOUT ? EXIT_TIMEOUT : EXIT_SYSTEM;
  }
  if (!status)
  {
    history_command(&s.b, argc, argv);
    status = act(&s, argc - 1, argv + 1);
  }
  if (lock >= 0) fd_close(lock);
end:
  stored_free(&s);
  return status;
}

int command_down(context const *cx, int argc, char const *const *argv)
{
  int status = delegated_move(cx, GOAL_STOP, argc - 1, argv + 1);
  return status >= 0 ? status : with_stored(cx, argc, argv, &down);
}

int command_restart(context const *cx, int argc, char const *const *argv)
{
  if (argc < 2) return usage_error("restart", "which service?");
  return with_stored(cx, argc, argv, &restart);
}

int command_reload(context const *cx, int argc, char const *const *argv)
{
  if (argc < 2) return usage_error("reload", "which service?");
  return with_stored(cx, argc, argv, &reload);
}

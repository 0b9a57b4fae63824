#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/exec.h>
#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>

#include <runlib/orphans.h>
#include <runlib/started.h>

/* Whom the record still names, if it runs: its s6-supervise was killed. It is remembered, not touched. */
static void remember_orphan(char const *file, char const *orphans)
{
  started old;
  orphan o;

  if (started_read(&old, file) < 0 || old.pid == getpid()) return;
  o.pid = old.pid;
  o.ticks = old.ticks;
  if (!orphan_lives(&o)) return;
  strerr_warnw("an earlier process of this service still runs; `mailctl up` ends it");
  if (orphans_add(orphans, &o) < 0) strerr_warnwu2sys("write ", orphans);
}

/*
 * started CONTENT FILE ORPHANS PROG...: writes FILE (runlib/started.h), adds to ORPHANS (runlib/orphans.h)
 * if the last one started runs on, then becomes PROG. Part of every run script. A daemon runs all the same when the record cannot be written: mail comes before bookkeeping.
 */
int main(int argc, char const *const *argv)
{
  stralloc programs = STRALLOC_ZERO;

  PROG = "started";
  if (argc < 5) strerr_dieusage(100, "started CONTENT FILE ORPHANS PROG...");
  remember_orphan(argv[2], argv[3]);
  if (!openslurpclose(&programs, "programs")) programs.len = 0;
  if (started_write(argv[2], getpid(), argv[1], programs.s, programs.len) < 0)
    strerr_warnwu2sys("write ", argv[2]);
  xexec(argv + 4);
}

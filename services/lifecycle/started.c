#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/exec.h>
#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>

#include <runlib/journal.h>
#include <runlib/orphans.h>
#include <runlib/started.h>

/* Whom the record still names, if it runs: its s6-supervise was killed. It is remembered, not touched. */
static void remember_orphan(char const *run, char const *name, char const *record)
{
  char file[4096];
  started old;
  orphan o;

  if (started_read(&old, record) < 0 || old.pid == getpid()) return;
  o.pid = old.pid;
  o.ticks = old.ticks;
  if (!orphan_lives(&o)) return;
  strerr_warnw("an earlier process of this service still runs; `mailctl up` ends it");
  snprintf(file, sizeof file, "%s/orphans/%s", run, name);
  if (orphans_add(file, &o) < 0) strerr_warnwu2sys("write ", file);
}

/*
 * started CONTENT RUN JOURNAL NAME PROG...: writes RUN/started/NAME (runlib/started.h), notes in
 * RUN/orphans/NAME if the last one started runs on, adds to the journal, then becomes PROG. Part of every run
 * script; NAME is `service.log` for a logger, whose starts the journal leaves out. A daemon runs all the
 * same when nothing can be written: mail comes before bookkeeping.
 */
int main(int argc, char const *const *argv)
{
  stralloc programs = STRALLOC_ZERO;
  char file[4096];

  PROG = "started";
  if (argc < 6) strerr_dieusage(100, "started CONTENT RUN JOURNAL NAME PROG...");
  snprintf(file, sizeof file, "%s/started/%s", argv[2], argv[4]);
  remember_orphan(argv[2], argv[4], file);
  if (!openslurpclose(&programs, "programs")) programs.len = 0;
  if (started_write(file, getpid(), argv[1], programs.s, programs.len) < 0) strerr_warnwu2sys("write ", file);
  if (!strchr(argv[4], '.') && journal_add(argv[3], "start %s pid %d", argv[4], (int)getpid()) < 0)
    strerr_warnwu2sys("write ", argv[3]);
  xexec(argv + 5);
}

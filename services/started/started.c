#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/exec.h>
#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>

#include <runlib/started.h>

/*
 * started CONTENT FILE PROG...: writes FILE (see runlib/started.h), then becomes PROG. Part of every run
 * script. A daemon runs all the same when the record cannot be written: mail comes before bookkeeping.
 */
int main(int argc, char const *const *argv)
{
  stralloc programs = STRALLOC_ZERO;

  PROG = "started";
  if (argc < 4) strerr_dieusage(100, "started CONTENT FILE PROG...");
  if (!openslurpclose(&programs, "programs")) programs.len = 0;
  if (started_write(argv[2], getpid(), argv[1], programs.s, programs.len) < 0)
    strerr_warnwu2sys("write ", argv[2]);
  xexec(argv + 3);
}

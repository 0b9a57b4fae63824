#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * cpu FILE PROGRAM...: runs PROGRAM, hands TERM on to it, waits for it and for all its descendants, and writes to FILE the
 * processor time, in microseconds, that they have used.
 */

static pid_t volatile child;

static void hand_on(int sig)
{
  if (child > 0) kill(child, sig);
}

static long micro(struct timeval const *t)
{
  return t->tv_sec * 1000000L + t->tv_usec;
}

int main(int argc, char **argv)
{
  struct rusage use;
  int status;
  FILE *report;

  if (argc < 3) return 100;
  signal(SIGTERM, hand_on);
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  child = fork();
  if (child < 0) return 111;
  if (!child)
  {
    signal(SIGTERM, SIG_DFL);
    execvp(argv[2], argv + 2);
    _exit(127);
  }
  while (wait(&status) > 0 || errno == EINTR)
    ;
  getrusage(RUSAGE_CHILDREN, &use);
  report = fopen(argv[1], "w");
  if (!report) return 111;
  fprintf(report, "%ld\n", micro(&use.ru_utime) + micro(&use.ru_stime));
  return fclose(report) ? 111 : 0;
}

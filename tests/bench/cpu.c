#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * cpu FILE PROGRAM...: runs PROGRAM, hands TERM on to it, and writes to FILE the processor time, in
 * microseconds, that it and all the descendants it waited for have used.
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
  child = fork();
  if (child < 0) return 111;
  if (!child)
  {
    signal(SIGTERM, SIG_DFL);
    execvp(argv[2], argv + 2);
    _exit(127);
  }
  while (wait4(child, &status, 0, &use) < 0)
    ;
  report = fopen(argv[1], "w");
  if (!report) return 111;
  fprintf(report, "%ld\n", micro(&use.ru_utime) + micro(&use.ru_stime));
  return fclose(report) ? 111 : 0;
}

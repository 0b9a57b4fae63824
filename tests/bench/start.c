#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*
 * start COUNT PROGRAM...: runs PROGRAM so many times, one after the other, as smtpd runs a plugin: descriptor 0
 * closed, its output read to the end. Prints the microseconds that passed and the processor time, each a run.
 */

static double now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void run(char **argv, int null)
{
  char buf[4096];
  int p[2];
  int status;
  pid_t pid;

  if (pipe2(p, O_CLOEXEC) < 0 || (pid = vfork()) < 0) exit(111);
  if (!pid)
  {
    close(0);
    dup2(p[1], 1);
    dup2(null, 2);
    execvp(argv[0], argv);
    _exit(127);
  }
  close(p[1]);
  while (read(p[0], buf, sizeof buf) > 0)
    ;
  close(p[0]);
  if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) >= 100) exit(1);
}

int main(int argc, char **argv)
{
  int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  struct rusage use;
  double begin = now();
  long count;

  if (argc < 3 || null < 0) return 100;
  count = atol(argv[1]);
  for (long i = 0; i < count; i++) run(argv + 2, null);
  begin = (now() - begin) / (double)count;
  getrusage(RUSAGE_CHILDREN, &use);
  printf("%.1f %.1f\n", begin,
         ((double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e6 +
          (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec)) /
             (double)count);
  return 0;
}

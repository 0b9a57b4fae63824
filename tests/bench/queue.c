#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <runlib/queuecount.h>

/*
 * queue fill DIR COUNT: makes files there, until COUNT are.
 * queue count DIR LIMIT AGES TIMES: counts as the monitor does, and prints the microseconds and those of CPU
 * that one measurement takes, the mean of TIMES. Exits 1 if it fails.
 * queue read DIR TIMES: the same for what no exact count can do without: the kernel's listing of DIR, unread.
 */

static int fill(char const *dir, uint64_t count)
{
  char name[32];

  if (chdir(dir) < 0) return 1;
  for (uint64_t i = 0; i < count; i++)
  {
    int fd;
    snprintf(name, sizeof name, "%" PRIu64, i);
    fd = open(name, O_WRONLY | O_CREAT, 0644);
    if (fd < 0) return 1;
    close(fd);
  }
  return 0;
}

static double now(clockid_t clock)
{
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int count(char const *dir, uint64_t limit, uint64_t ages)
{
  queuecount q = QUEUECOUNT_ZERO;

  return queuecount_add(&q, dir, limit, ages) < 0 || !q.files ? -1 : 0;
}

static int list(char const *dir)
{
  static char buf[65536];
  int fd = open(dir, O_RDONLY | O_DIRECTORY);
  ssize_t n;

  if (fd < 0) return -1;
  while ((n = getdents64(fd, buf, sizeof buf)) > 0)
    ;
  close(fd);
  return (int)n;
}

static int measure(char **argv, unsigned int times)
{
  int counts = !strcmp(argv[1], "count");
  uint64_t limit = counts ? strtoull(argv[3], 0, 10) : 0;
  uint64_t ages = counts ? strtoull(argv[4], 0, 10) : 0;
  double begin = now(CLOCK_MONOTONIC);
  double cpu = now(CLOCK_PROCESS_CPUTIME_ID);

  for (unsigned int i = 0; i < times; i++)
    if ((counts ? count(argv[2], limit, ages) : list(argv[2])) < 0) return 1;
  printf("%.2f %.2f\n", (now(CLOCK_MONOTONIC) - begin) / times,
         (now(CLOCK_PROCESS_CPUTIME_ID) - cpu) / times);
  return 0;
}

int main(int argc, char **argv)
{
  int status = 100;

  if (argc == 4 && !strcmp(argv[1], "fill"))
    status = fill(argv[2], strtoull(argv[3], 0, 10));
  else if (argc == 6 && !strcmp(argv[1], "count"))
    status = measure(argv, (unsigned int)atoi(argv[5]));
  else if (argc == 4 && !strcmp(argv[1], "read"))
    status = measure(argv, (unsigned int)atoi(argv[3]));
  if (status == 1) perror("queue");
  return status;
}

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>

#include <runlib/procstat.h>

/* Reads /proc/PID/name into s, with a NUL: in one go, as the kernel makes it. Returns its length, or -1 and errno. */
static ssize_t procstat_file(int proc, pid_t pid, char const *name, char *s, size_t max)
{
  char path[48];
  ssize_t n;
  int fd, e;

  snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
  fd = openat(proc, path + (proc >= 0 ? strlen("/proc/") : 0), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  n = fd_read(fd, s, max - 1);
  e = errno;
  fd_close(fd);
  errno = e;
  if (n >= 0) s[n] = 0;
  return n;
}

/* What comes after ` 12` or ` -12`; 0: it is no number. A negative one counts from 2^64 down. */
static char const *procstat_number(uint64_t *n, char const *s, char const *end)
{
  int minus = end - s > 1 && s[1] == '-';
  char const *first = s + 1 + minus;

  if (s == end || *s != ' ') return 0;
  for (s = first, *n = 0; s < end && *s >= '0' && *s <= '9'; s++) *n = 10 * *n + (uint64_t)(*s - '0');
  if (minus) *n = -*n;
  return s == first ? 0 : s;
}

/* Fields 4 to 24 of stat(5): the name in parentheses before them may hold anything. */
int process_scan(process *p, char const *s, size_t len)
{
  char const *end = s + len;
  char const *at = memrchr(s, ')', len);
  uint64_t field[25] = {0};

  memset(p, 0, sizeof *p);
  p->pid = (pid_t)strtoll(s, 0, 10);
  if (!at || end - at < 4 || at[1] != ' ') return (errno = EINVAL, -1);
  p->state = at[2];
  at += 3;
  for (unsigned int i = 4; i <= 24; i++)
    if (!(at = procstat_number(field + i, at, end))) return (errno = EINVAL, -1);
  p->parent = (pid_t)field[4];
  p->cpu = field[14] + field[15] + field[16] + field[17];
  p->threads = p->state == 'Z' || p->state == 'X' ? 0 : (unsigned int)field[20];
  p->start = field[22];
  p->memory = field[24] * (uint64_t)sysconf(_SC_PAGESIZE);
  return p->pid > 0 ? 0 : (errno = EINVAL, -1);
}

int process_read(process *p, int proc, pid_t pid)
{
  char buf[1024];
  ssize_t n = procstat_file(proc, pid, "stat", buf, sizeof buf);

  return n > 0 ? process_scan(p, buf, (size_t)n) : n ? -1 : (errno = ESRCH, -1);
}

void process_comm(char comm[PROCESS_COMM], pid_t pid)
{
  char line[PROCESS_COMM + 1]; /* with its newline */

  if (procstat_file(-1, pid, "comm", line, sizeof line) < 0) *line = 0;
  line[strcspn(line, "\n")] = 0;
  strcpy(comm, line);
}

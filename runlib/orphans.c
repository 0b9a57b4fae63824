#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>

#include <runlib/orphans.h>
#include <runlib/procstat.h>
#include <runlib/started.h>

int orphan_lives(orphan const *o)
{
  return o->ticks && started_ticks(o->pid) == o->ticks;
}

static int has_supervise(orphan const *o)
{
  char comm[PROCESS_COMM];

  process_comm(comm, started_parent(o->pid));
  return !strcmp(comm, "s6-supervise");
}

int orphan_is_left(orphan const *o, int supervised)
{
  return orphan_lives(o) && !(supervised && has_supervise(o));
}

int orphans_add(char const *file, orphan const *o)
{
  char line[64 + STARTED_FILE];
  char own[STARTED_FILE] = "";
  int fd = open3(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  int result;
  size_t n;

  if (fd < 0) return -1;
  (void)started_file(own, fd);
  n = (size_t)snprintf(line, sizeof line, "%d %" PRIu64 " %s\n", (int)o->pid, o->ticks, own);
  result = allwrite(fd, line, n) == n ? 0 : -1;
  fd_close(fd);
  return result;
}

unsigned int orphans_read(orphan *list, char const *file)
{
  char buf[8192];
  char own[STARTED_FILE] = "";
  int fd = open_read(file);
  ssize_t len = fd < 0 || started_file(own, fd) < 0 ? -1 : (ssize_t)allread(fd, buf, sizeof buf - 1);
  unsigned int n = 0;
  char *next;

  if (fd >= 0) fd_close(fd);
  if (len <= 0) return 0;
  buf[len] = 0;
  for (char *s = buf; n < ORPHANS_MAX && (next = strchr(s, '\n')); s = next + 1)
  {
    char whose[STARTED_FILE];
    int pid;
    int fields = sscanf(s, "%d %" SCNu64 " %47s", &pid, &list[n].ticks, whose);
    if (fields < 2 || pid <= 0 || (fields == 3 && strcmp(whose, own))) continue;
    list[n].pid = pid;
    n += orphan_lives(list + n);
  }
  return n;
}

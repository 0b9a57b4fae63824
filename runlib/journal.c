#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/tai.h>

#include <runlib/journal.h>

/* Whoever comes second renames the new file over the old: at the worst a few lines are lost, never mixed. */
static void rotate(char const *file, int fd)
{
  char old[4096];
  struct stat st;
  struct stat now;

  if (fstat(fd, &st) < 0 || st.st_size < JOURNAL_SIZE) return;
  if (stat(file, &now) < 0 || now.st_ino != st.st_ino) return;
  if ((size_t)snprintf(old, sizeof old, "%s.old", file) < sizeof old) (void)rename(file, old);
}

int journal_add(char const *file, char const *format, ...)
{
  char line[JOURNAL_LINE];
  size_t n = 0;
  va_list args;
  int fd;
  int result;
  int len;

  if (!timestamp(line)) return -1;
  n = TIMESTAMP;
  line[n++] = ' ';
  va_start(args, format);
  len = vsnprintf(line + n, sizeof line - n - 1, format, args);
  va_end(args);
  if (len < 0) return -1;
  n += (size_t)len < sizeof line - n - 1 ? (size_t)len : sizeof line - n - 2;
  line[n++] = '\n';
  fd = open3(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return -1;
  result = write(fd, line, n) == (ssize_t)n ? 0 : -1;
  rotate(file, fd);
  fd_close(fd);
  return result;
}

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/tai.h>

#include <runlib/journal.h>

/*
 * One at a time: who comes second finds that the file has become another. The lock lies where only those can open it who
 * may write the journal.
 */
static void journal_rotate(char const *file, int fd)
{
  char name[4096];
  struct stat st;
  struct stat now;
  int lock;

  if (fstat(fd, &st) < 0 || st.st_size < JOURNAL_SIZE) return;
  if ((size_t)snprintf(name, sizeof name, "%s.lock", file) >= sizeof name) return;
  lock = open3(name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock < 0) return;
  snprintf(name, sizeof name, "%s.old", file);
  if (flock(lock, LOCK_EX) == 0 && stat(file, &now) == 0 && now.st_ino == st.st_ino) (void)rename(file, name);
  fd_close(lock);
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
  journal_rotate(file, fd);
  fd_close(fd);
  return result;
}

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include <services/spool/deliver.h>

/* What is there under this name is from a killed delivery. */
static int create(spool const *s, char const *name)
{
  int fd;

  if (unlinkat(s->tmp, name, 0) < 0 && errno != ENOENT) return -1;
  fd = openat(s->tmp, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd >= 0) flock(fd, LOCK_EX | LOCK_NB);
  return fd;
}

/* Syncs and closes fd, the file tmp/NAME, and makes it failed/NAME. */
static int commit(spool const *s, char const *name, int fd)
{
  int e;

  if (!fdatasync(fd) && !renameat(s->tmp, name, s->failed, name) && !fsync(s->failed))
  {
    close(fd);
    return 0;
  }
  e = errno;
  unlinkat(s->tmp, name, 0);
  close(fd);
  errno = e;
  return -1;
}

/* The envelope again, with the refused recipients alone, to be tried when an administrator moves it to todo/. */
static int refused_envelope(stralloc *sa, message const *m)
{
  char const *sender = envelope_sender(m->envelope.s);
  size_t pos = 0;
  recipient r;

  if (!stralloc_catb(sa, "F", 1) || !stralloc_catb(sa, sender, strlen(sender) + 1)) return -1;
  while (envelope_next(m->envelope.s, m->envelope.len, &pos, &r))
    if (m->envelope.s[r.mark] == DELIVER_REFUSED &&
        (!stralloc_catb(sa, "T", 1) || !stralloc_catb(sa, r.address, r.len + 1)))
      return -1;
  return stralloc_catb(sa, "", 1) ? 0 : -1;
}

static int write_message(int fd, message const *m, stralloc const *why)
{
  stralloc sa = STRALLOC_ZERO;
  char trailer[ENVELOPE_TRAILER];
  int result = -1;

  envelope_trailer_fmt(trailer, why->len + m->len);
  if (!refused_envelope(&sa, m) && stralloc_catb(&sa, trailer, sizeof trailer) &&
      allwrite(fd, why->s, why->len) == why->len && !message_copy(m, fd) &&
      allwrite(fd, sa.s, sa.len) == sa.len)
    result = 0;
  stralloc_free(&sa);
  return result;
}

static int give_up(spool const *s, char const *name, int fd)
{
  int e = errno;

  unlinkat(s->tmp, name, 0);
  close(fd);
  errno = e;
  return -1;
}

int failed_message(spool const *s, char const *name, message const *m, stralloc const *why)
{
  int fd = create(s, name);

  if (fd < 0) return -1;
  if (write_message(fd, m, why) < 0) return give_up(s, name, fd);
  return commit(s, name, fd);
}

static int open_file(spool const *s, char const *name)
{
  struct stat st;
  int fd = openat(s->todo, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

  if (fd < 0) return -1;
  if (!fstat(fd, &st) && S_ISREG(st.st_mode)) return fd;
  close(fd);
  return -1;
}

int failed_stranger(spool const *s, char const *name, char const *why)
{
  int fd, from = open_file(s, name);

  if (from < 0) return renameat(s->todo, name, s->failed, name);
  fd = create(s, name);
  if (fd < 0)
  {
    int e = errno;
    close(from);
    errno = e;
    return -1;
  }
  if (dprintf(fd, "X-Spool-Failed: %s\n", why) < 0 || fd_cat(from, fd) < 0)
  {
    close(from);
    return give_up(s, name, fd);
  }
  close(from);
  if (commit(s, name, fd) < 0) return -1;
  return unlinkat(s->todo, name, 0);
}

#define SECOND 1000000U

void failed_trim(spool *s, uint64_t now)
{
  static trim_bounds const bounds = TRIM_FAILED;
  trimmed *t = &s->kept;
  char fmt[UINT64_FMT];

  if (s->trimmed && now - s->trimmed < 60 * SECOND && t->files <= bounds.files && t->bytes <= bounds.bytes)
    return;
  s->trimmed = now;
  if (trim_directory(t, s->failed, &bounds, now / SECOND) < 0) strerr_warnwu3sys("read ", s->path, "/failed");
  fmt[uint64_fmt(fmt, t->removed)] = 0;
  if (t->removed)
    strerr_warn(PROG, ": removed the ", fmt, " oldest messages of ", s->path, "/failed: see spool(5)");
}

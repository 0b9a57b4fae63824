#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/queuecount.h>
#include <runlib/walk.h>

/* 16 KB hold about five hundred entries: one call to the kernel is enough for the usual limit. */
#define ENTRIES 16384

typedef struct walk_s walk;
struct walk_s
{
  queuecount q;
  uint64_t limit;
  uint64_t ages;
};

static int full(walk const *w)
{
  return w->limit && w->q.files >= w->limit;
}

static int is_number(char const *name)
{
  return *name && !name[strspn(name, "0123456789")];
}

/* Counts one entry that is no directory, if it is a regular file. */
static void add_file(walk *w, int dir, char const *name, int known)
{
  struct stat st;
  int look = w->q.aged < w->ages;

  if (!known || look)
  {
    /* Gone between readdir and now: a message that left the queue. */
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode)) return;
    if (look)
    {
      uint64_t t = st.st_mtime > 0 ? (uint64_t)st.st_mtime : 1;
      if (!w->q.oldest || t < w->q.oldest) w->q.oldest = t;
      w->q.aged++;
    }
  }
  w->q.files++;
}

static int is_directory(int dir, struct dirent64 const *d)
{
  struct stat st;

  if (d->d_type != DT_UNKNOWN) return d->d_type == DT_DIR;
  return !fstatat(dir, d->d_name, &st, AT_SYMLINK_NOFOLLOW) && S_ISDIR(st.st_mode);
}

static int add_directory(walk *w, int dir, int deeper);

static int add_subdirectory(walk *w, int dir, char const *name)
{
  int result;
  int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

  if (fd < 0) return errno == ENOENT ? 0 : -1;
  result = add_directory(w, fd, 0);
  fd_close(fd);
  return result;
}

static int add_entry(walk *w, int dir, struct dirent64 const *d, int deeper)
{
  if (d->d_name[0] == '.') return 0;
  if (d->d_type == DT_REG)
    add_file(w, dir, d->d_name, 1);
  else if (deeper && is_number(d->d_name) && is_directory(dir, d))
    return add_subdirectory(w, dir, d->d_name);
  else if (d->d_type == DT_UNKNOWN)
    add_file(w, dir, d->d_name, 0);
  return 0;
}

/* deeper: whether its numbered subdirectories count too. */
static int add_directory(walk *w, int dir, int deeper)
{
  char buf[ENTRIES] __attribute__((aligned(8)));

  for (;;)
  {
    ssize_t n = getdents64(dir, buf, sizeof buf);
    if (n < 0 && errno == ENOENT && !deeper) return 0; /* the subdirectory was removed while open */
    if (n <= 0) return (int)n;
    for (ssize_t i = 0; i < n;)
    {
      struct dirent64 const *d = (struct dirent64 const *)(void const *)(buf + i);
      i += d->d_reclen;
      if (full(w))
      {
        w->q.more = 1;
        return 0;
      }
      if (add_entry(w, dir, d, deeper) < 0) return -1;
    }
  }
}

int queuecount_add(queuecount *q, char const *dir, uint64_t limit, uint64_t ages)
{
  walk w = {.q = *q, .limit = limit, .ages = ages};
  int fd;
  int result;

  if (q->more) return 0;
  fd = walk_directory(AT_FDCWD, dir);
  if (fd < 0) return -1;
  result = add_directory(&w, fd, 1);
  fd_close(fd);
  if (!result) *q = w.q;
  return result;
}

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>

#include <runlib/counters.h>
#include <runlib/walk.h>
#include <runlib/mapguard.h>

static char const magic[8] = "mailcnt1";

typedef struct slot_s slot;
struct slot_s
{
  char name[COUNTERS_NAMELEN + 1];
  counter value;
};

typedef struct page_s page;
struct page_s
{
  char magic[8];
  uint32_t capacity;
  _Atomic uint32_t used; /* raised after the name is written: what is killed in between adds nothing */
  char zero[16];
  slot slots[COUNTERS_MAX];
};
_Static_assert(sizeof(page) == 4096, "the counters' file is one page");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "a lock would be lost with a killed process");

static int good_name(char const *name)
{
  size_t n = 0;

  for (; name[n]; n++)
    if (n == COUNTERS_NAMELEN || name[n] <= ' ' || name[n] > '~') return 0;
  return n > 0;
}

static int good_page(page const *p)
{
  uint32_t used = atomic_load_explicit(&p->used, memory_order_acquire);

  if (memcmp(p->magic, magic, sizeof magic) || p->capacity != COUNTERS_MAX || used > COUNTERS_MAX) return 0;
  for (uint32_t i = 0; i < used; i++)
    if (p->slots[i].name[COUNTERS_NAMELEN] || !good_name(p->slots[i].name)) return 0;
  return 1;
}

/* Opens a regular file of the right size; -1 and EPROTO if it is something else. */
static int open_checked(char const *path, int flags)
{
  struct stat st;
  int fd = walk_open(AT_FDCWD, path, flags | O_NOFOLLOW, 0);

  if (fd < 0) return errno == ELOOP || errno == EINVAL || errno == EISDIR ? (errno = EPROTO, -1) : -1;
  if (fstat(fd, &st) < 0 || st.st_size != sizeof(page))
  {
    fd_close(fd);
    errno = EPROTO;
    return -1;
  }
  return fd;
}

/* Writes an empty file beside path and gives it the name in one step: nobody sees half a file. */
static int create(char const *path, mode_t mode, int replace)
{
  page p = {.capacity = COUNTERS_MAX};
  size_t len = strlen(path);
  char *temp = malloc(len + sizeof ".XXXXXX");
  int result = -1;
  int fd;

  if (!temp) return -1;
  memcpy(temp, path, len);
  memcpy(temp + len, ".XXXXXX", sizeof ".XXXXXX");
  memcpy(p.magic, magic, sizeof magic);
  fd = mkostemp(temp, O_CLOEXEC);
  if (fd >= 0)
  {
    if (allwrite(fd, (char *)&p, sizeof p) == sizeof p && fchmod(fd, mode) == 0)
    {
      if (replace)
        result = rename(temp, path);
      else if (link(temp, path) == 0 || errno == EEXIST)
        result = 0;
    }
    int e = errno;
    fd_close(fd);
    unlink(temp);
    errno = e;
  }
  free(temp);
  return result;
}

static void unmap(page *p)
{
  mapguard_drop(p);
  munmap(p, sizeof(page));
}

static page *map(char const *path, int *fd)
{
  page *p;

  *fd = open_checked(path, O_RDWR);
  if (*fd < 0) return 0;
  p = mmap(0, sizeof(page), PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
  if (p != MAP_FAILED) mapguard_add(p, sizeof(page), 0, 0); /* in which it counts on */
  if (p != MAP_FAILED && good_page(p)) return p;
  if (p != MAP_FAILED)
  {
    unmap(p);
    errno = EPROTO;
  }
  fd_close(*fd);
  return 0;
}

static page *map_or_create(char const *path, mode_t mode, int *fd)
{
  page *p = 0;

  for (unsigned int tries = 0; tries < 3; tries++)
  {
    p = map(path, fd);
    if (p || (errno != ENOENT && errno != EPROTO)) break;
    if (create(path, mode, errno == EPROTO) < 0) break;
  }
  return p;
}

static slot *find(page *p, char const *name)
{
  uint32_t used = atomic_load_explicit(&p->used, memory_order_acquire);

  for (uint32_t i = 0; i < used && i < COUNTERS_MAX; i++)
    if (!strncmp(p->slots[i].name, name, sizeof p->slots[i].name)) return p->slots + i;
  return 0;
}

/* Under the lock, which the kernel releases when its holder dies. */
static slot *add(page *p, char const *name)
{
  uint32_t used = atomic_load_explicit(&p->used, memory_order_acquire);
  slot *s = find(p, name);

  if (s) return s;
  if (used >= COUNTERS_MAX) return (errno = ENOSPC, (slot *)0);
  s = p->slots + used;
  memset(s->name, 0, sizeof s->name);
  memcpy(s->name, name, strlen(name));
  atomic_store_explicit(&s->value, 0, memory_order_relaxed);
  atomic_store_explicit(&p->used, used + 1, memory_order_release);
  return s;
}

/* Who may read the counters could hold a lock on their file: the lock is on one beside it, which is ours alone. */
static int counters_lock(char const *path)
{
  size_t len = strlen(path);
  char name[PATH_MAX];
  int fd;

  if (len + sizeof ".lock" > sizeof name) return (errno = ENAMETOOLONG, -1);
  stpcpy(stpcpy(name, path), ".lock");
  fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  while (fd >= 0 && flock(fd, LOCK_EX) < 0)
    if (errno != EINTR) return (fd_close(fd), -1);
  return fd;
}

static slot *find_or_add(page *p, char const *path, char const *name)
{
  slot *s;
  int fd;

  if (!good_name(name)) return (errno = EINVAL, (slot *)0);
  s = find(p, name);
  if (s) return s;
  fd = counters_lock(path);
  if (fd < 0) return 0;
  s = add(p, name);
  fd_close(fd);
  return s;
}

int counters_open(char const *path, mode_t mode, char const *const *names, unsigned int n, counter **slots)
{
  static counter own;
  int fd;
  unsigned int i = 0;
  page *p = map_or_create(path, mode, &fd);

  if (p)
  {
    for (; i < n; i++)
    {
      slot *s = find_or_add(p, path, names[i]);
      if (!s) break;
      slots[i] = &s->value;
    }
    int e = errno;
    if (i < n) unmap(p);
    fd_close(fd);
    errno = e;
  }
  if (p && i == n) return 0;
  for (i = 0; i < n; i++) slots[i] = &own;
  return -1;
}

int counters_read(char const *path, counter_value values[COUNTERS_MAX])
{
  page p;
  size_t got;
  int n;
  int fd = open_checked(path, O_RDONLY);

  if (fd < 0) return -1;
  got = allread(fd, (char *)&p, sizeof p);
  fd_close(fd);
  if (got != sizeof p || !good_page(&p)) return (errno = EPROTO, -1);
  n = (int)p.used;
  for (int i = 0; i < n; i++)
  {
    memcpy(values[i].name, p.slots[i].name, sizeof values[i].name);
    values[i].value = p.slots[i].value;
  }
  return n;
}

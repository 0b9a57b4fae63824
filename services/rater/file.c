#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/random.h>
#include <skalibs/stralloc.h>

#include <runlib/clock.h>
#include <runlib/mapguard.h>

#include "table.h"

#define MAGIC       "raterT"
#define HEADER_SIZE 4096

static size_t table_size(uint64_t sets)
{
  return HEADER_SIZE + BOARDS * sizeof(board) + sets * sizeof(set);
}

static uint64_t sets_for(uint64_t keys)
{
  if (keys < TABLE_KEYS_MIN) keys = TABLE_KEYS_MIN;
  return (keys + TABLE_LOAD - 1) / TABLE_LOAD;
}

static uint64_t header_check(header const *h)
{
  static unsigned char const fixed[SIPHASH_KEY] = "raterd's header";
  return siphash13(fixed, sizeof(header), (char const *)h, offsetof(header, check));
}

/* In a signal's handler. The memory is zero: all keys are gone. */
static void table_lost(void *data)
{
  table *t = data;

  *t->header = t->saved;
  t->lost = 1;
}

static void map_parts(table *t, void *p, size_t size)
{
  t->header = p;
  t->boards = (board *)((char *)p + HEADER_SIZE);
  t->sets = (set *)((char *)p + HEADER_SIZE + BOARDS * sizeof(board));
  t->size = size;
}

static void header_init(header *h, uint64_t sets)
{
  memset(h, 0, sizeof *h);
  memcpy(h->magic, MAGIC, sizeof MAGIC);
  h->magic[7] = TABLE_VERSION;
  h->sets = sets;
  random_buf((char *)h->key, sizeof h->key);
  h->check = header_check(h);
  h->clock = 1000;
}

/* Where a hash may be follows from itself, which makes a good test of a whole file. */
static char const *set_wrong(table const *t, uint64_t at, uint64_t *latest)
{
  set const *s = t->sets + at;

  for (int i = 0; i < TABLE_WAYS; i++)
  {
    uint64_t h = s->hashes[i];
    bucket b;
    if (!h) continue;
    if (((h & UINT32_MAX) * t->header->sets >> 32) != at && ((h >> 32) * t->header->sets >> 32) != at)
      return "a key is where it cannot be";
    place_get(&s->places[i], &b);
    if (b.flags & ~(unsigned int)BUCKET_OVER) return "a key has impossible flags";
    if (b.last > *latest) *latest = b.last;
  }
  return 0;
}

/*
 * Is the mapped file a table, whole? After a crash of the machine the header may be older than the
 * sets: the clock then goes on from the latest of them.
 */
static char const *contents_wrong(table *t)
{
  uint64_t latest = 0, keys = 0;

  for (uint64_t i = 0; i < t->header->sets; i++)
  {
    char const *why = set_wrong(t, i, &latest);
    if (why) return why;
    for (int j = 0; j < TABLE_WAYS; j++) keys += !!t->sets[i].hashes[j];
  }
  for (unsigned int i = 0; i < BOARDS; i++)
    for (unsigned int j = 0; j < OFFENDERS; j++)
      if (t->boards[i].offenders[j].len > OFFENDER_MAX) return "an offender's name is too long";
  if (latest > t->header->clock + CLOCK_LEAP) return "a key is from the future";
  if (latest > t->header->clock) t->header->clock = latest;
  t->header->keys = keys;
  return 0;
}

static char const *header_wrong(header const *h, size_t size)
{
  if (memcmp(h->magic, MAGIC, sizeof MAGIC)) return "not a table of raterd";
  if (h->magic[7] != TABLE_VERSION) return "a table of another version";
  if (h->check != header_check(h)) return "its header is damaged";
  if (!h->sets || h->sets > sets_for(TABLE_KEYS_MAX) || table_size(h->sets) != size)
    return "its size is wrong";
  if (h->clock >> 39) return "its clock is damaged";
  return 0;
}

/* Maps fd's file into t. 0: it did; *why says why it is no table; -1: errno. */
static int map_old(table *t, int fd, char const **why)
{
  struct stat st;
  void *p;

  *why = 0;
  if (fstat(fd, &st) < 0) return -1;
  if (!S_ISREG(st.st_mode) || (size_t)st.st_size < table_size(1))
  {
    *why = S_ISREG(st.st_mode) ? "too short" : "not a file";
    return 0;
  }
  p = mmap(0, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (p == MAP_FAILED) return -1;
  mapguard_add(p, (size_t)st.st_size, 0, 0); /* it may become shorter while it is looked at */
  *why = header_wrong(p, (size_t)st.st_size);
  if (!*why)
  {
    map_parts(t, p, (size_t)st.st_size);
    *why = contents_wrong(t);
    if (!*why) return 0;
    t->header = 0;
  }
  mapguard_drop(p);
  munmap(p, (size_t)st.st_size);
  return 0;
}

/* A new table in `temporary`, or in memory. The blocks are reserved: a full disk must not be a SIGBUS. */
static int map_new(table *t, char const *temporary, uint64_t sets)
{
  size_t size = table_size(sets);
  int fd = -1;
  void *p;

  if (temporary)
  {
    fd = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return -1;
    errno = posix_fallocate(fd, 0, (off_t)size);
    if (errno) goto err;
  }
  p = mmap(0, size, PROT_READ | PROT_WRITE, temporary ? MAP_SHARED : MAP_SHARED | MAP_ANONYMOUS, fd, 0);
  if (p == MAP_FAILED) goto err;
  if (fd >= 0) fd_close(fd);
  map_parts(t, p, size);
  header_init(t->header, sets);
  return 0;

err:
  if (fd >= 0) fd_close(fd);
  if (temporary) unlink(temporary);
  return -1;
}

/* Into a table of another size; the hashes keep their meaning, as the key is kept. */
static void carry_over(table *to, table const *from)
{
  header const *old = from->header;
  uint64_t sets = to->header->sets;

  memcpy(to->boards, from->boards, BOARDS * sizeof(board));
  *to->header = *old;
  to->header->sets = sets;
  to->header->keys = 0;
  to->header->check = header_check(to->header);
  for (uint64_t i = 0; i < old->sets; i++)
    for (int j = 0; j < TABLE_WAYS; j++)
      if (from->sets[i].hashes[j] && from->sets[i].places[j].until > old->clock / 1000)
        *table_take(to, from->sets[i].hashes[j], (uint32_t)(old->clock / 1000)) = from->sets[i].places[j];
}

static int lock_open(char const *name)
{
  int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

  if (fd < 0) return -1;
  if (!flock(fd, LOCK_EX | LOCK_NB)) return fd;
  if (errno == EWOULDBLOCK) errno = EBUSY;
  fd_close(fd);
  return -1;
}

void table_unlock(table *t)
{
  if (t->lock >= 0) fd_close(t->lock);
  t->lock = -1;
}

typedef struct names_s names;
struct names_s
{
  stralloc lock, temporary, bad;
};

static int names_make(names *n, char const *file)
{
  return stralloc_cats(&n->lock, file) && stralloc_catb(&n->lock, ".lock", 6) &&
         stralloc_cats(&n->temporary, file) && stralloc_catb(&n->temporary, ".new", 5) &&
         stralloc_cats(&n->bad, file) && stralloc_catb(&n->bad, ".bad", 5);
}

static void names_free(names *n)
{
  stralloc_free(&n->lock);
  stralloc_free(&n->temporary);
  stralloc_free(&n->bad);
}

/* Opens what is there. t->header stays 0 if there is nothing to go on with. */
static int open_old(table *t, char const *file, char const *bad, table_news *news)
{
  int fd = open(file, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

  news->failed = "open table";
  if (fd < 0 && errno == ENOENT) return 0;
  if (fd < 0 && errno != ELOOP && errno != EISDIR && errno != ENXIO) return -1;
  if (fd < 0)
    news->aside = "not a file";
  else
  {
    int r = map_old(t, fd, &news->aside);
    fd_close(fd);
    if (r < 0) return -1;
  }
  if (!news->aside) return 0;
  news->failed = "set aside a bad table";
  return rename(file, bad);
}

static int open_new(table *t, char const *file, char const *temporary, uint64_t sets, table_news *news)
{
  table old = *t;

  news->failed = "make table";
  if (map_new(t, temporary, sets) < 0)
  {
    *t = old;
    return -1;
  }
  if (old.header)
  {
    carry_over(t, &old);
    mapguard_drop(old.header);
    munmap(old.header, old.size);
    news->resized = 1;
  }
  return rename(temporary, file);
}

static void clock_go_on(header *h)
{
  char id[sizeof h->boot_id] = "";
  struct timespec wall = {0};
  ssize_t n = openreadnclose("/proc/sys/kernel/random/boot_id", id, sizeof id - 1);

  id[n > 0 ? n : 0] = 0;
  clock_gettime(CLOCK_REALTIME, &wall);
  table_clock_start(h, clock_boot_ms(), (uint64_t)wall.tv_sec * 1000 + (uint64_t)wall.tv_nsec / 1000000, id);
}

static int open_file(table *t, char const *file, uint64_t sets, table_news *news)
{
  names n = {STRALLOC_ZERO, STRALLOC_ZERO, STRALLOC_ZERO};
  int result = -1;

  news->failed = "make table";
  if (!names_make(&n, file)) goto end;
  news->failed = "lock table";
  t->lock = lock_open(n.lock.s);
  if (t->lock < 0) goto end;
  if (open_old(t, file, n.bad.s, news) < 0) goto end;
  if (!t->header || t->header->sets != sets)
    if (open_new(t, file, n.temporary.s, sets, news) < 0) goto end;
  result = 0;
end:
  names_free(&n);
  return result;
}

/* The mapping is guarded from here on by what it can go on with. */
static void keep(table *t)
{
  t->saved = *t->header;
  t->lost = 0;
  mapguard_drop(t->header);
  mapguard_add(t->header, t->size, &table_lost, t);
}

int table_open(table *t, char const *file, uint64_t keys, table_news *news)
{
  uint64_t sets = sets_for(keys);

  memset(news, 0, sizeof *news);
  if (!file)
  {
    news->failed = "make table";
    if (map_new(t, 0, sets) < 0) return -1;
  }
  else if (open_file(t, file, sets, news) < 0)
  {
    int e = errno;
    table_close(t);
    errno = e;
    return -1;
  }
  clock_go_on(t->header);
  keep(t);
  news->failed = 0;
  return 0;
}

int table_remake(table *t, char const *file)
{
  table old = *t;
  names n = {STRALLOC_ZERO, STRALLOC_ZERO, STRALLOC_ZERO};
  int result = names_make(&n, file) ? map_new(t, n.temporary.s, old.saved.sets) : -1;

  if (result == 0)
  {
    memcpy(t->header, old.header, t->size);
    munmap(old.header, old.size);
    keep(t);
    result = rename(n.temporary.s, file);
  }
  names_free(&n);
  t->lost = 0;
  return result;
}

void table_close(table *t)
{
  mapguard_drop(t->header);
  if (t->header) munmap(t->header, t->size);
  table_unlock(t);
  t->header = 0;
}

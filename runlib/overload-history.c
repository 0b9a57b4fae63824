#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/uint16.h>
#include <skalibs/uint32.h>
#include <skalibs/uint64.h>

#include <runlib/walk.h>

#include "overload-history.h"
#include "overload-place.h"

#define SIZE (HISTORY_SLOTS * HISTORY_RECORD)

void history_pack(char *s, history_point const *p)
{
  memset(s, 0, HISTORY_RECORD);
  uint64_pack(s, p->time);
  uint32_pack(s + 8, p->backlog);
  uint32_pack(s + 12, p->oldest);
  uint16_pack(s + 16, p->load);
  s[18] = (char)p->pressure;
  s[19] = (char)p->level;
  s[20] = (char)p->bits;
}

void history_unpack(char const *s, history_point *p)
{
  uint64_unpack(s, &p->time);
  uint32_unpack(s + 8, &p->backlog);
  uint32_unpack(s + 12, &p->oldest);
  uint16_unpack(s + 16, &p->load);
  p->pressure = (uint8_t)s[18];
  p->level = (uint8_t)s[19];
  p->bits = (uint8_t)s[20];
}

#define TAKE_LARGER(field)                                                                                   \
  if (q->field > p->field) p->field = q->field

void history_merge(history_point *p, history_point const *q)
{
  TAKE_LARGER(time);
  TAKE_LARGER(backlog);
  TAKE_LARGER(oldest);
  TAKE_LARGER(load);
  TAKE_LARGER(pressure);
  TAKE_LARGER(level);
  p->bits |= q->bits;
}

static uint64_t value(sample const *x, gauge_number g, uint64_t max)
{
  if (x->of[g].state != READING_KNOWN) return 0;
  return x->of[g].value < max ? x->of[g].value : max;
}

history_point history_of(sample const *x, unsigned int level, int held, uint64_t now)
{
  history_point p = HISTORY_POINT_ZERO;

  p.time = now - now % HISTORY_STEP;
  p.backlog = (uint32_t)value(x, GAUGE_BACKLOG, UINT32_MAX);
  p.oldest = (uint32_t)value(x, GAUGE_OLDEST, UINT32_MAX);
  p.load = (uint16_t)value(x, GAUGE_LOAD, UINT16_MAX);
  for (gauge_number g = GAUGE_CPU; g <= GAUGE_IO; g++)
    if (value(x, g, UINT8_MAX) > p.pressure) p.pressure = (uint8_t)value(x, g, UINT8_MAX);
  p.level = (uint8_t)level;
  if (x->of[GAUGE_BACKLOG].state == READING_UNKNOWN) p.bits |= HISTORY_UNKNOWN;
  if (x->of[GAUGE_BACKLOG].more) p.bits |= HISTORY_MORE;
  if (held) p.bits |= HISTORY_HELD;
  return p;
}

/* A file of another size is of another version, and only history. */
static int make_room(int fd)
{
  struct stat st;
  int e;

  if (fstat(fd, &st) < 0) return -1;
  if (st.st_size == SIZE) return 0;
  if (ftruncate(fd, 0) < 0) return -1;
  e = posix_fallocate(fd, 0, SIZE); /* all of it now, so that a full disk leaves no gap in the curve */
  return e ? (errno = e, -1) : 0;
}

int history_open(char const *directory)
{
  char path[PLACE_PATH];
  int fd;

  if (place_path(path, directory, "history") < 0) return -1;
  fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0644);
  if (fd < 0) return -1;
  if (!make_room(fd)) return fd;
  fd_close(fd);
  return -1;
}

static off_t offset(uint64_t time)
{
  return (off_t)(time / HISTORY_STEP % HISTORY_SLOTS * HISTORY_RECORD);
}

/* What the monitor before us wrote into the slot that we begin in. */
static void resume(int fd, history_point *slot, uint64_t time)
{
  char s[HISTORY_RECORD];

  if (pread(fd, s, sizeof s, offset(time)) == (ssize_t)sizeof s) history_unpack(s, slot);
}

int history_add(int fd, history_point *slot, history_point const *p)
{
  char s[HISTORY_RECORD];

  if (!slot->time) resume(fd, slot, p->time);
  if (slot->time == p->time)
    history_merge(slot, p);
  else
    *slot = *p;
  history_pack(s, slot);
  errno = ENOSPC;
  return pwrite(fd, s, sizeof s, offset(slot->time)) == (ssize_t)sizeof s ? 0 : -1;
}

int history_read(char const *directory, uint64_t now, history_point *points, size_t n, unsigned int step)
{
  static char ring[SIZE];
  history_point const blank = HISTORY_POINT_ZERO;
  uint64_t end = now - now % HISTORY_STEP + HISTORY_STEP;
  char path[PLACE_PATH];
  ssize_t got;

  for (size_t i = 0; i < n; i++) points[i] = blank;
  if (place_path(path, directory, "history") < 0) return -1;
  got = walk_read(AT_FDCWD, path, ring, sizeof ring);
  if (got < 0) return -1;
  for (size_t at = 0; at + HISTORY_RECORD <= (size_t)got; at += HISTORY_RECORD)
  {
    history_point p;
    uint64_t steps;

    history_unpack(ring + at, &p);
    if (!p.time || p.time >= end || end - p.time > (uint64_t)HISTORY_SLOTS * HISTORY_STEP) continue;
    steps = (end - p.time - 1) / step;
    if (steps < n) history_merge(&points[n - 1 - steps], &p);
  }
  return 0;
}

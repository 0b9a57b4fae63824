#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <runlib/clock.h>
#include <runlib/started.h>
#include <runlib/tcp/places.h>

#define GRACE   5000 /* ms between TERM and KILL */
#define BUCKETS 4096
#define SLACK   2000 /* ms by which a process's start, and when it was noted, may differ */

typedef struct memory_s memory;
struct memory_s
{
  uint64_t magic;
  place list[PLACES_MAX];
};
#define MAGIC ((UINT64_C(0x706c6163) << 32) + sizeof(place)) /* another layout is not ours */
#define LIST  ((sizeof(memory) + 4095) & ~(size_t)4095)
#define MARKS ((PLACES_MAX + 4095) & ~(size_t)4095)

/* Nobody can make it shorter under one who has it mapped. */
static int make(void)
{
  int fd = memfd_create("places", MFD_CLOEXEC | MFD_ALLOW_SEALING);

  if (fd < 0) return -1;
  if (ftruncate(fd, (off_t)(LIST + MARKS)) == 0 &&
      fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
    return fd;
  close(fd);
  return -1;
}

static int is_ours(int fd)
{
  struct stat st;

  return fstat(fd, &st) == 0 && st.st_size == (off_t)(LIST + MARKS) && fcntl(fd, F_GET_SEALS) & F_SEAL_SHRINK;
}

/* The list is not inherited: a session that is taken over must not name whom a listener may kill. */
static int map(places *p)
{
  memory *m = mmap(0, LIST, PROT_READ | PROT_WRITE, MAP_SHARED, p->fd, 0);
  void *marks = mmap(0, MARKS, PROT_READ | PROT_WRITE, MAP_SHARED, p->fd, (off_t)LIST);

  if (m == MAP_FAILED || marks == MAP_FAILED || madvise(m, LIST, MADV_DONTFORK) < 0) return -1;
  if (!m->magic) m->magic = MAGIC;
  if (m->magic != MAGIC) return (errno = EPROTO, -1);
  p->list = m->list;
  p->marks = marks;
  return 0;
}

static int differ(uint64_t x, uint64_t y)
{
  return (x > y ? x - y : y - x) > SLACK;
}

/* The very process that the place was taken for: then its end will be told by a descriptor. */
static int watch(places *p, unsigned int i)
{
  place const *one = p->list + i;
  struct epoll_event e = {.events = EPOLLIN};
  int fd = (int)syscall(SYS_pidfd_open, one->pid, 0);
  uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);

  if (fd < 0) return -1;
  e.data.u64 = (uint64_t)fd << 32 | i;
  if (!differ(started_ticks(one->pid) * 1000 / hz, one->born) &&
      epoll_ctl(p->watch, EPOLL_CTL_ADD, fd, &e) == 0)
  {
    p->list[i].pidfd = fd;
    return 0;
  }
  close(fd);
  return -1;
}

static void release(places *p, unsigned int i)
{
  p->list[i].pid = 0;
  p->n--;
  while (p->top && !p->list[p->top - 1].pid) p->top--;
}

static void adopt(places *p, uint64_t end)
{
  for (p->top = PLACES_MAX; p->top && !p->list[p->top - 1].pid;) p->top--;
  for (unsigned int i = p->top; i--;)
  {
    if (!p->list[i].pid) continue;
    p->n++;
    if (watch(p, i) < 0)
      release(p, i);
    else
    {
      p->adopted++;
      if (!p->list[i].end) p->list[i].end = end;
    }
  }
}

int places_open(places *p, int fd, uint64_t end)
{
  static places const none = {.n = 0};

  *p = none;
  if (fd >= 0 && !is_ours(fd)) return (errno = EPROTO, -1);
  p->fd = fd < 0 ? make() : fd;
  p->watch = epoll_create1(EPOLL_CLOEXEC);
  if (p->fd < 0 || p->watch < 0 || map(p) < 0) return -1;
  adopt(p, end);
  return 0;
}

void places_close(places *p)
{
  munmap((void *)p->marks, MARKS);
  close(p->watch);
}

unsigned int places_free(places const *p)
{
  unsigned int i = 0;

  while (i < p->top && p->list[i].pid) i++;
  return i;
}

void places_take(places *p, unsigned int i, pid_t pid, endpoint const *peer, uint32_t generation)
{
  place *one = p->list + i;

  one->peer = *peer;
  one->generation = generation;
  one->born = clock_boot_ms();
  one->end = 0;
  one->told = 0;
  one->pidfd = -1;
  atomic_signal_fence(memory_order_release);
  one->pid = pid;
  p->n++;
  if (i >= p->top) p->top = i + 1;
}

int places_leave(places *p, pid_t pid, endpoint *peer)
{
  for (unsigned int i = 0; i < p->top; i++)
    if (p->list[i].pid == pid)
    {
      *peer = p->list[i].peer;
      release(p, i);
      return 1;
    }
  return 0;
}

void places_reap(places *p)
{
  struct epoll_event e[16];
  int n;

  while (p->adopted && (n = epoll_wait(p->watch, e, 16, 0)) > 0)
    while (n--)
    {
      unsigned int i = (unsigned int)e[n].data.u64;
      int fd = (int)(e[n].data.u64 >> 32);
      if (p->list[i].pid && p->list[i].pidfd == fd) release(p, i); /* it may have been given up */
      /* A standby may have a copy: closing ours would not take it out. */
      (void)epoll_ctl(p->watch, EPOLL_CTL_DEL, fd, 0);
      close(fd);
      p->adopted--;
    }
}

int places_serves(places const *p, endpoint const *peer)
{
  for (unsigned int i = 0; i < p->top; i++)
    if (p->list[i].pid && p->list[i].peer.port == peer->port && p->list[i].peer.family == peer->family &&
        !memcmp(p->list[i].peer.ip, peer->ip, sizeof peer->ip))
      return 1;
  return 0;
}

unsigned int places_count(places const *p, client const *c)
{
  unsigned int count = 0;
  client other;

  for (unsigned int i = 0; i < p->top; i++)
    if (p->list[i].pid)
    {
      endpoint_client(&other, &p->list[i].peer);
      count += !memcmp(&other, c, sizeof other);
    }
  return count;
}

unsigned int places_draining(places const *p, uint32_t *generation)
{
  unsigned int n = 0;

  *generation = 0;
  if (!p->adopted) return 0;
  for (unsigned int i = 0; i < p->top; i++)
    if (p->list[i].pid && p->list[i].end)
    {
      if (!n++ || p->list[i].generation < *generation) *generation = p->list[i].generation;
    }
  return n;
}

void places_hasten(places *p, unsigned int max, uint64_t now)
{
  uint32_t generation;

  for (unsigned int n = places_draining(p, &generation); n > max; n--)
  {
    place *first = 0;
    for (unsigned int i = 0; i < p->top; i++)
    {
      place *one = p->list + i;
      if (one->pid && one->end > now && (!first || one->end < first->end)) first = one;
    }
    if (!first) return;
    first->end = now;
  }
}

void places_end(places *p, uint64_t end)
{
  for (unsigned int i = 0; i < p->top; i++)
    if (p->list[i].pid && (!p->list[i].end || p->list[i].end > end)) p->list[i].end = end;
}

/* One that not even KILL ends is given up. */
uint64_t places_tell(places *p, uint64_t now)
{
  uint64_t next = UINT64_MAX;

  for (unsigned int i = 0; i < p->top; i++)
  {
    place *one = p->list + i;
    uint64_t at = one->told ? one->end + GRACE : one->end;
    if (!one->pid || !one->end) continue;
    if (at <= now && one->told == 2)
    {
      release(p, i);
      continue;
    }
    if (at <= now)
    {
      kill(one->pid, one->told++ ? SIGKILL : SIGTERM);
      one->end = now;
      at = now + GRACE;
    }
    if (at < next) next = at;
  }
  return next;
}

/* So that one look at all places is enough: how many each client has, or a few that share a bucket. */
static unsigned int bucket(endpoint const *peer)
{
  uint32_t h = 2166136261u;
  client c;

  endpoint_client(&c, peer);
  for (unsigned int i = 0; i < sizeof c.key; i++) h = (h ^ c.key[i]) * 16777619u;
  return (h ^ h >> 16) % BUCKETS;
}

unsigned int places_yield(places const *p, endpoint const *peer, uint64_t now)
{
  uint16_t counts[BUCKETS] = {0};
  unsigned int found = PLACES_MAX;
  unsigned int most, own;

  for (unsigned int i = 0; i < p->top; i++)
    if (p->list[i].pid) counts[bucket(&p->list[i].peer)]++;
  most = own = counts[bucket(peer)] + 1u;
  for (unsigned int i = 0; i < p->top; i++)
  {
    place const *one = p->list + i;
    unsigned int n = counts[bucket(&one->peer)];
    if (!one->pid || one->end || p->marks[i] || n < most) continue;
    if (n == own && now - one->born < PLACES_AGE) continue;
    if (found == PLACES_MAX || n > most || one->born < p->list[found].born) found = i;
    most = n;
  }
  return found;
}

void places_evict(places *p, unsigned int i, uint64_t now)
{
  p->list[i].end = now;
  p->list[i].told = 1;
  kill(p->list[i].pid, PLACES_EVICT);
}

void places_signal(places const *p, int signal)
{
  for (unsigned int i = 0; i < p->top; i++)
    if (p->list[i].pid && !p->marks[i]) kill(p->list[i].pid, signal);
}

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include <skalibs/djbunix.h>
#include <skalibs/types.h>

#include <runlib/queuecount.h>

#include <runlib/milterstats.h>

#include "measure.h"

uint64_t measure_limit(uint64_t highest)
{
  uint64_t more = 3 * highest;
  if (highest > 10000 / 3) more = 10000;
  if (highest < 100) more = 400 - highest;
  return highest > UINT64_MAX - more ? UINT64_MAX : highest + more;
}

static reading known(uint64_t value)
{
  return (reading){.value = value, .state = READING_KNOWN, .more = 0};
}

static reading failed(reading_state state)
{
  return (reading){.value = 0, .state = (unsigned char)state, .more = 0};
}

static int is_enough(uint64_t n, uint64_t enough)
{
  return enough && n >= enough;
}

void measure_queue(measure const *m, size_t i, queue_look *look)
{
  queuecount const none = QUEUECOUNT_ZERO;
  struct statvfs v;

  memset(look, 0, sizeof *look); /* its padding, too, goes through a socket */
  look->q = none;
  if (queuecount_add(&look->q, m->queues[i], m->limit, m->ages) < 0) look->wrong = errno;
  if (!(m->asked & (1u << GAUGE_FREE_BYTES | 1u << GAUGE_FREE_INODES))) return;
  if (statvfs(m->queues[i], &v) < 0)
  {
    look->bytes = look->inodes = failed(READING_UNKNOWN);
    return;
  }
  look->bytes = known((uint64_t)v.f_bavail * v.f_frsize);
  /* Some file systems have no such limit, and say 0 of 0. */
  if (v.f_files) look->inodes = known(v.f_favail);
}

static void add_queue(queuecount *sum, queuecount const *q)
{
  sum->files += q->files;
  sum->aged += q->aged;
  if (q->oldest && (!sum->oldest || q->oldest < sum->oldest)) sum->oldest = q->oldest;
  sum->more |= q->more;
}

static void take_backlog(measure const *m, queue_look const *looks, sample *x, uint64_t now)
{
  queuecount q = QUEUECOUNT_ZERO;
  uint64_t age;
  int bad = 0;

  for (size_t i = 0; i < m->n; i++)
    if (looks[i].wrong)
      bad = 1;
    else
      add_queue(&q, &looks[i].q);
  x->of[GAUGE_BACKLOG] = x->of[GAUGE_OLDEST] = failed(READING_UNKNOWN);
  age = q.oldest && now > q.oldest ? now - q.oldest : 0;
  /* A queue that cannot be read may hold anything; but what the others hold may be enough to raise a level. */
  if (!bad || is_enough(q.files, m->enough[0])) x->of[GAUGE_BACKLOG] = known(q.files);
  if (!bad || is_enough(age, m->enough[1])) x->of[GAUGE_OLDEST] = known(age);
  x->of[GAUGE_BACKLOG].more = q.more || bad;
  x->of[GAUGE_OLDEST].more = q.files > q.aged || q.more || bad;
  x->of[GAUGE_BACKLOG].bound = x->of[GAUGE_OLDEST].bound = bad != 0;
}

/* Of two queues' file systems the one with less room; unknown if one of them is. */
static void keep_worse(reading *worst, reading const *r)
{
  if (worst->state == READING_UNKNOWN || r->state == READING_ABSENT) return;
  if (r->state == READING_UNKNOWN || worst->state == READING_ABSENT || r->value < worst->value) *worst = *r;
}

/* `12.34` as 1234; the number of characters used in *n. */
static int64_t hundredths(char const *s, size_t *n)
{
  uint32_t whole;
  size_t len = uint32_scan(s, &whole);

  if (!len || s[len] != '.' || s[len + 1] < '0' || s[len + 1] > '9' || s[len + 2] < '0' || s[len + 2] > '9')
    return -1;
  *n = len + 3;
  return (int64_t)whole * 100 + (s[len + 1] - '0') * 10 + (s[len + 2] - '0');
}

int64_t measure_load(char const *text, unsigned int cpus)
{
  size_t n;
  int64_t x = hundredths(text, &n);

  if (x < 0 || text[n] != ' ' || !cpus) return -1;
  return x / cpus;
}

int64_t measure_pressure(char const *text)
{
  size_t n;
  int64_t x;

  if (strncmp(text, "some avg10=", 11)) return -1;
  x = hundredths(text + 11, &n);
  return x < 0 ? -1 : x / 100;
}

static reading take_proc(char const *path, unsigned int cpus)
{
  char text[256];
  ssize_t n = openreadnclose_nb(path, text, sizeof text - 1);
  int64_t x;

  if (n < 0) return failed(errno == ENOENT || errno == EOPNOTSUPP ? READING_ABSENT : READING_UNKNOWN);
  text[n] = 0;
  x = cpus ? measure_load(text, cpus) : measure_pressure(text);
  return x < 0 ? failed(READING_UNKNOWN) : known((uint64_t)x);
}

/* Of the slowest. What has not been asked for a minute is not slow; where no file is there, nobody was asked yet. */
static reading take_milters(measure const *m, uint64_t now)
{
  milterstats_facts f[MILTERSTATS];
  reading r = failed(READING_ABSENT);

  for (unsigned int k = 0; k < 2 && m->milters[k]; k++)
  {
    int n = milterstats_read(f, m->milters[k], now);
    if (n < 0 && errno != ENOENT) return failed(READING_UNKNOWN);
    for (int i = 0; i < n; i++)
    {
      uint64_t ms = f[i].recent > 0 ? (uint64_t)f[i].recent : 0;
      if (r.state != READING_KNOWN || ms > r.value) r = known(ms);
    }
  }
  return r;
}

void measure_take(measure const *m, queue_look const *looks, sample *x, uint64_t now)
{
  sample const blank = SAMPLE_ZERO;
  static char const *const pressure[] = {"/proc/pressure/cpu", "/proc/pressure/memory", "/proc/pressure/io"};

  *x = blank;
  take_backlog(m, looks, x, now);
  for (size_t i = 0; i < m->n; i++)
  {
    keep_worse(&x->of[GAUGE_FREE_BYTES], &looks[i].bytes);
    keep_worse(&x->of[GAUGE_FREE_INODES], &looks[i].inodes);
  }
  if (m->asked & 1u << GAUGE_LOAD) x->of[GAUGE_LOAD] = take_proc("/proc/loadavg", m->cpus);
  for (gauge_number g = GAUGE_CPU; g <= GAUGE_IO; g++)
    if (m->asked & 1u << g) x->of[g] = take_proc(pressure[g - GAUGE_CPU], 0);
  if (m->asked & 1u << GAUGE_FILTER) x->of[GAUGE_FILTER] = take_milters(m, now);
}

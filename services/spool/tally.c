#include <sys/stat.h>

#include <runlib/queuecount.h>

#include <services/spool/tally.h>

#define SECOND 1000000U
#define WAIT   (10 * SECOND)
#define MOST   1000000 /* as many as status would count itself */

int tally_open(tally *t, char const *file)
{
  static char const *const name = "failed";
  counter *c;

  if (counters_open(file, 0644, &name, 1, &c) < 0) return -1;
  counter_set(c, UINT64_MAX);
  t->failed = c;
  return 0;
}

/* A directory that changed within its clock's last tick may change again without another time. */
static int settled(struct timespec const *t, uint64_t now)
{
  return (uint64_t)t->tv_sec * SECOND + SECOND < now;
}

void tally_take(tally *t, char const *failed, uint64_t now, int busy)
{
  queuecount q = QUEUECOUNT_ZERO;
  struct timespec const never = {.tv_sec = 0};
  struct stat st;
  int bad;

  if (!t->failed || (busy && now - t->counted < WAIT)) return;
  bad = stat(failed, &st) < 0;
  if (!bad && st.st_mtim.tv_sec && st.st_mtim.tv_sec == t->seen.tv_sec &&
      st.st_mtim.tv_nsec == t->seen.tv_nsec)
    return;
  bad = bad || queuecount_add(&q, failed, MOST, 0) < 0;
  counter_set(t->failed, bad || q.more ? UINT64_MAX : q.files);
  t->seen = !bad && settled(&st.st_mtim, now) ? st.st_mtim : never;
  t->counted = now;
}

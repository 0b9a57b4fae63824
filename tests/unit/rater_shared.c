#include <stdlib.h>
#include <string.h>

#include <services/rater/engine-internal.h>
#include <services/rater/shared-internal.h>
#include <services/rater/sharedurl.h>

#include "unit.h"

/*
 * A hundred machines that share a limit, simulated: Redis's script as a function, each machine's share by its own bucket,
 * what it owes told when Redis is back; Redis is away for a while again and again, and forgets all now and then. In no
 * window is more admitted than raterd(8) says.
 */

#define MACHINES 100
#define STEPS    40000

#define must(what, ...)                                                                                      \
  do                                                                                                         \
    if (!(what)) ck_abort_msg(__VA_ARGS__);                                                                  \
  while (0)

static uint64_t state;
static uint64_t rnd(uint64_t n)
{
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return state % n;
}

/* shared_script, of which it is the twin; times in microseconds. */
static int redis(uint64_t *full, limit const *l, uint64_t now, uint64_t n, int add)
{
  uint64_t each = shared_interval(l), room = l->burst * each, most = 2 * room, f = *full;

  if (f < now) f = now;
  if (f > now + most) f = now + most;
  if (!add && f + n * each - now > room) return 0;
  *full = f + n * each;
  if (*full > now + most) *full = now + most;
  return 1;
}

typedef struct world_s world;
struct world_s
{
  limit limit, share;
  uint64_t full; /* of Redis */
  bucket buckets[MACHINES];
  uint64_t owed[MACHINES];
  int away;
  uint64_t now; /* us */
  /* what was admitted: when, and by whom */
  uint64_t when[STEPS];
  unsigned char alone[STEPS];
  unsigned int n;
  uint64_t losses[STEPS];
  unsigned int n_losses;
};

static void ask(world *w, unsigned int m)
{
  verdict v = {.refused = 0};

  if (!w->away)
    v.refused = !redis(&w->full, &w->limit, w->now, 1, 0);
  else
  {
    bucket_step(&w->buckets[m], &w->share, w->now / 1000, 1, &v);
    w->owed[m] += !v.refused;
  }
  if (v.refused) return;
  w->alone[w->n] = (unsigned char)w->away;
  w->when[w->n++] = w->now;
}

static void come_back(world *w)
{
  w->away = 0;
  for (unsigned int m = 0; m < MACHINES; m++)
  {
    if (w->owed[m]) redis(&w->full, &w->limit, w->now, w->owed[m], 1);
    w->owed[m] = 0;
  }
}

/* Windows that begin with an admission: at most burst for each loss within and one more, and the rate; and all shares. */
static void check(world const *w)
{
  uint64_t each = shared_interval(&w->limit);

  for (unsigned int i = 0; i < w->n; i += 1 + (unsigned int)rnd(50))
  {
    uint64_t together = 0, alone = 0;
    for (unsigned int j = i; j < w->n && w->when[j] - w->when[i] <= 20000000; j++)
    {
      uint64_t t = w->when[j] - w->when[i], losses = 0;
      for (unsigned int k = 0; k < w->n_losses; k++)
        losses += w->losses[k] >= w->when[i] && w->losses[k] <= w->when[j];
      alone += w->alone[j];
      together += !w->alone[j];
      must(together <= w->limit.burst * (1 + losses) + t / each, "%llu together in %llu us",
           (unsigned long long)together, (unsigned long long)t);
      must(alone <= MACHINES * (w->share.burst + w->share.count * (t / 1000 + 1) / w->share.period + 1),
           "%llu alone in %llu us", (unsigned long long)alone, (unsigned long long)t);
    }
  }
}

START_TEST(hundred)
{
  static world w;
  engine const e = {.share = 1};

  state = 88172645463325252ull + (uint64_t)_i * 7919;
  memset(&w, 0, sizeof w);
  w.limit = (limit){.count = 50 + rnd(2000), .period = 10000};
  w.limit.burst = 100 + rnd(1000);
  w.share = engine_share_of(&e, &w.limit);
  w.now = 1000000000;
  for (unsigned int i = 0; i < STEPS; i++)
  {
    w.now += rnd(20) ? rnd(4000) : rnd(40000);
    if (!rnd(4000)) w.away = 1;
    if (w.away && !rnd(500)) come_back(&w);
    if (!w.away && !rnd(10000)) w.full = 0, w.losses[w.n_losses++] = w.now;
    ask(&w, (unsigned int)rnd(MACHINES));
  }
  ck_assert_uint_gt(w.n, 1000);
  check(&w);
}
END_TEST

/* What was admitted alone counts when Redis is back: nothing more is, until it has drained. */
START_TEST(owed)
{
  static world w;
  engine const e = {.share = 1};
  unsigned int alone;

  memset(&w, 0, sizeof w);
  w.limit = (limit){.count = 100, .burst = 100, .period = 3600000};
  w.share = engine_share_of(&e, &w.limit);
  w.now = 1000000000;
  w.away = 1;
  for (unsigned int k = 0; k < 3; k++)
    for (unsigned int m = 0; m < MACHINES; m++) ask(&w, m);
  alone = w.n;
  ck_assert_uint_eq(alone, 100);
  come_back(&w);
  for (unsigned int m = 0; m < MACHINES; m++) ask(&w, m);
  ck_assert_uint_eq(w.n, alone);
}
END_TEST

static struct
{
  char const *text;
  char const *wrong;
} const urls[] = {
    {"redis://127.0.0.1:6379", 0},
    {"redis://127.0.0.1:6379/", 0},
    {"redis://[::1]:6379/12", 0},
    {"unix:/run/redis.sock", 0},
    {"sentinel://mx@127.0.0.1:26379,[::1]:26379/1", 0},
    {"redis://127.0.0.1", "not ADDRESS:PORT"},
    {"redis://localhost:6379", "not ADDRESS:PORT"},
    {"redis://127.0.0.1:0", "not ADDRESS:PORT"},
    {"redis://127.0.0.1:6379/x", "the database is no number"},
    {"redis://127.0.0.1:1,127.0.0.1:2", "more than one address"},
    {"redis://:secret@127.0.0.1:1", "a password belongs into a file"},
    {"rediss://127.0.0.1:1", "speaks no TLS"},
    {"sentinel://127.0.0.1:1", "a master's name is missing"},
    {"sentinel://@127.0.0.1:1", "a master's name is missing"},
    {"sentinel://m@1.1.1.1:1,1.1.1.1:1,1.1.1.1:1,1.1.1.1:1,1.1.1.1:1,1.1.1.1:1,1.1.1.1:1,1.1.1.1:1,1.1.1.1:1",
     "more than eight"},
    {"unix:redis.sock", "absolute path"},
    {"", "none of"},
};

START_TEST(url)
{
  redis_url u;
  char const *wrong = redis_url_scan(urls[_i].text, &u);

  if (urls[_i].wrong)
    ck_assert_msg(wrong && strstr(wrong, urls[_i].wrong), "%s: %s", urls[_i].text, wrong ? wrong : "fine");
  else
    ck_assert_msg(!wrong, "%s: %s", urls[_i].text, wrong);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("rater_shared");
  TCase *t = tcase_create("shared");

  tcase_set_timeout(t, 60);
  tcase_add_loop_test(t, hundred, 0, 6);
  tcase_add_test(t, owed);
  tcase_add_loop_test(t, url, 0, sizeof urls / sizeof urls[0]);
  suite_add_tcase(s, t);
  return unit_run(s);
}

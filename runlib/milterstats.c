#include <stdio.h>
#include <string.h>
#include <time.h>

#include <runlib/milterstats.h>

unsigned int const milterstats_bounds[MILTERSTATS_BUCKETS - 1] = {1,    3,    10,    30,    100,   300,
                                                                  1000, 3000, 10000, 30000, 100000};

_Static_assert(MILTERSTATS *MILTERSTAT_ALL <= COUNTERS_MAX, "one file has room for all");

static void name(char s[COUNTERS_NAMELEN + 1], unsigned int i, unsigned int what)
{
  static char const *const words[MILTERSTAT_WITHIN] = {"who",     "asked",   "refused", "failed", "worst",
                                                       "asked.0", "asked.1", "ms.0",    "ms.1"};

  if (what < MILTERSTAT_WITHIN)
    snprintf(s, COUNTERS_NAMELEN + 1, "%u.%s", i, words[what]);
  else
    snprintf(s, COUNTERS_NAMELEN + 1, "%u.within.%u", i, what - MILTERSTAT_WITHIN);
}

/* FNV-1a: enough to tell one address from another in a file that is ours. */
static uint64_t hash(char const *s)
{
  uint64_t h = 14695981039346656037u;

  for (; *s; s++) h = (h ^ (unsigned char)*s) * 1099511628211u;
  return h;
}

int milterstats_open(milterstats *m, char const *const *addresses, unsigned int n, char const *file)
{
  static counter own[MILTERSTATS * MILTERSTAT_ALL];
  static char names[MILTERSTATS * MILTERSTAT_ALL][COUNTERS_NAMELEN + 1];
  static char const *list[MILTERSTATS * MILTERSTAT_ALL];
  counter **at = m->at[0];
  unsigned int all = n * MILTERSTAT_ALL;
  int result = 0;

  for (unsigned int k = 0; k < all; k++)
  {
    name(names[k], k / MILTERSTAT_ALL, k % MILTERSTAT_ALL);
    list[k] = names[k];
    at[k] = own + k;
  }
  if (n && file && (result = counters_open(file, 0644, list, all, at)) < 0)
    for (unsigned int k = 0; k < all; k++) at[k] = own + k;
  for (unsigned int i = 0; i < n; i++)
    if (*m->at[i][MILTERSTAT_WHO] != hash(addresses[i]))
    {
      for (unsigned int k = 0; k < MILTERSTAT_ALL; k++) counter_set(m->at[i][k], 0);
      counter_set(m->at[i][MILTERSTAT_WHO], hash(addresses[i]));
    }
  return result;
}

void milterstats_asked(milterstats *m, unsigned int i)
{
  counter_add(m->at[i][MILTERSTAT_ASKED], 1);
  counter_rate(m->at[i] + MILTERSTAT_ASKED_EVEN, (uint64_t)time(0), 1);
}

void milterstats_waited(milterstats *m, unsigned int i, uint64_t ms)
{
  if (ms) counter_rate(m->at[i] + MILTERSTAT_MS_EVEN, (uint64_t)time(0), ms);
}

void milterstats_over(milterstats *m, unsigned int i, uint64_t ms, int refused, int failed)
{
  counter *worst = m->at[i][MILTERSTAT_WORST];
  uint64_t old = atomic_load_explicit(worst, memory_order_relaxed);
  unsigned int k = 0;

  while (k + 1 < MILTERSTATS_BUCKETS && ms > milterstats_bounds[k]) k++;
  counter_add(m->at[i][MILTERSTAT_WITHIN + k], 1);
  if (refused) counter_add(m->at[i][MILTERSTAT_REFUSED], 1);
  if (failed) counter_add(m->at[i][MILTERSTAT_FAILED], 1);
  while (old < ms &&
         !atomic_compare_exchange_weak_explicit(worst, &old, ms, memory_order_relaxed, memory_order_relaxed))
    ;
}

/* --- reading ------------------------------------------------------------------------------------- */

static uint64_t median(uint64_t const *within, uint64_t worst)
{
  uint64_t all = 0, sum = 0;

  for (unsigned int k = 0; k < MILTERSTATS_BUCKETS; k++) all += within[k];
  if (!all) return 0;
  for (unsigned int k = 0; k + 1 < MILTERSTATS_BUCKETS; k++)
  {
    sum += within[k];
    if (2 * sum >= all) return milterstats_bounds[k] < worst ? milterstats_bounds[k] : worst;
  }
  return worst;
}

static void take(milterstats_facts *f, uint64_t const v[MILTERSTAT_ALL], uint64_t now)
{
  double asked = counter_rate_read(v[MILTERSTAT_ASKED_EVEN], v[MILTERSTAT_ASKED_ODD], now);
  double ms = counter_rate_read(v[MILTERSTAT_MS_EVEN], v[MILTERSTAT_MS_ODD], now);

  f->asked = v[MILTERSTAT_ASKED];
  f->refused = v[MILTERSTAT_REFUSED];
  f->failed = v[MILTERSTAT_FAILED];
  f->worst = v[MILTERSTAT_WORST];
  f->median = median(v + MILTERSTAT_WITHIN, f->worst);
  /* Those that wait may have been asked more than a minute ago. */
  f->recent = asked <= 0 && ms <= 0 ? -1 : (int64_t)(ms / (asked < 1 ? 1 : asked) + 0.5);
}

int milterstats_read(milterstats_facts f[MILTERSTATS], char const *file, uint64_t now)
{
  static counter_value values[COUNTERS_MAX];
  int all = counters_read(file, values), n = 0;

  if (all < 0) return -1;
  while (n < MILTERSTATS && (n + 1) * MILTERSTAT_ALL <= all)
  {
    uint64_t v[MILTERSTAT_ALL];
    char wanted[COUNTERS_NAMELEN + 1];
    for (unsigned int k = 0; k < MILTERSTAT_ALL; k++)
    {
      counter_value const *x = values + n * MILTERSTAT_ALL + k;
      name(wanted, (unsigned int)n, k);
      if (strcmp(wanted, x->name)) return n;
      v[k] = x->value;
    }
    take(f + n++, v, now);
  }
  return n;
}

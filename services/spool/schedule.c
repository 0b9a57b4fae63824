#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <services/spool/heap.h>
#include <services/spool/schedule.h>

#define SECOND         1000000U
#define BACKOFF_MOST   ((uint64_t)3600 * SECOND)
#define LIMIT_AT_FIRST 5U

static parcel *parcel_at(schedule const *s, uint32_t p)
{
  return genalloc_s(parcel, &s->parcels) + p;
}

static destination *destination_at(schedule const *s, uint32_t d)
{
  return genalloc_s(destination, &s->destinations) + d;
}

static uint32_t hash(char const *s)
{
  uint32_t h = 2166136261U; /* FNV-1a */

  for (; *s; s++) h = (h ^ (unsigned char)*s) * 16777619U;
  return h;
}

/* --- order --------------------------------------------------------------------------------------- */

static int less_parcel(void const *data, uint32_t a, uint32_t b)
{
  return parcel_at(data, a)->due < parcel_at(data, b)->due;
}

static uint64_t when(schedule const *s, uint32_t to)
{
  destination const *d = destination_at(s, to);
  uint64_t due;

  if (!genalloc_len(uint32_t, &d->waiting) || d->running >= d->limit) return UINT64_MAX;
  due = parcel_at(s, *genalloc_s(uint32_t, &d->waiting))->due;
  return due > d->until ? due : d->until;
}

static int less_destination(void const *data, uint32_t a, uint32_t b)
{
  return when(data, a) < when(data, b);
}

static void destination_moved(void *data, uint32_t a, uint32_t place)
{
  destination_at(data, a)->place = place;
}

static heap_order by_due(schedule *s)
{
  return (heap_order){.less = &less_parcel, .data = s};
}

static heap_order by_when(schedule *s)
{
  return (heap_order){.less = &less_destination, .moved = &destination_moved, .data = s};
}

/* --- what there is ------------------------------------------------------------------------------- */

void schedule_init(schedule *s, unsigned int most, unsigned int most_to, uint64_t pause)
{
  memset(s, 0, sizeof *s);
  memset(s->names, 255, sizeof s->names);
  memset(s->hosts, 255, sizeof s->hosts);
  s->free_parcel = s->free_destination = SCHEDULE_NONE;
  s->most = most;
  s->most_to = most_to;
  s->pause = pause;
}

void schedule_free(schedule *s)
{
  for (size_t i = 0; i < genalloc_len(destination, &s->destinations); i++)
  {
    free(destination_at(s, (uint32_t)i)->host);
    genalloc_free(uint32_t, &destination_at(s, (uint32_t)i)->waiting);
  }
  genalloc_free(destination, &s->destinations);
  genalloc_free(parcel, &s->parcels);
  genalloc_free(uint32_t, &s->order);
}

/* A free place of the array: one that was used before, or a new one. SCHEDULE_NONE: ENOMEM. */
static uint32_t new_destination(schedule *s)
{
  static destination const none = {.host = 0, .waiting = GENALLOC_ZERO};
  uint32_t d = s->free_destination;

  if (d != SCHEDULE_NONE)
  {
    s->free_destination = destination_at(s, d)->next;
    return d;
  }
  if (!genalloc_append(destination, &s->destinations, &none)) return SCHEDULE_NONE;
  return (uint32_t)genalloc_len(destination, &s->destinations) - 1;
}

static uint32_t find_destination(schedule *s, char const *host)
{
  uint32_t *bucket = s->hosts + hash(host) % SCHEDULE_HOSTS, i = *bucket;
  heap_order order = by_when(s);
  destination *d;

  while (i != SCHEDULE_NONE && strcmp(destination_at(s, i)->host, host)) i = destination_at(s, i)->next;
  if (i != SCHEDULE_NONE) return i;
  i = new_destination(s);
  if (i == SCHEDULE_NONE) return SCHEDULE_NONE;
  d = destination_at(s, i);
  *d = (destination){.host = strdup(host),
                     .waiting = GENALLOC_ZERO,
                     .next = *bucket,
                     .limit = s->most_to < LIMIT_AT_FIRST ? s->most_to : LIMIT_AT_FIRST};
  if (d->host && heap_push(&s->order, &order, i) == 0) return *bucket = i;
  free(d->host);
  d->host = 0;
  d->next = s->free_destination;
  s->free_destination = i;
  return SCHEDULE_NONE;
}

/* A destination that nothing waits for is forgotten, unless it is being left alone. */
static void settle_destination(schedule *s, uint32_t to, uint64_t now)
{
  destination *d = destination_at(s, to);
  heap_order order = by_when(s);
  uint32_t *link = s->hosts + hash(d->host) % SCHEDULE_HOSTS;

  if (genalloc_len(uint32_t, &d->waiting) || d->running || d->until > now)
  {
    heap_settle(&s->order, &order, d->place);
    return;
  }
  heap_take(&s->order, &order, d->place);
  while (*link != to) link = &destination_at(s, *link)->next;
  *link = d->next;
  free(d->host);
  genalloc_free(uint32_t, &d->waiting);
  d->host = 0;
  d->next = s->free_destination;
  s->free_destination = to;
}

static void free_parcel(schedule *s, uint32_t p)
{
  uint32_t *link = s->names + hash(parcel_at(s, p)->name) % SCHEDULE_NAMES;

  while (*link != p) link = &parcel_at(s, *link)->next;
  *link = parcel_at(s, p)->next;
  parcel_at(s, p)->next = s->free_parcel;
  s->free_parcel = p;
}

int schedule_full(schedule const *s)
{
  return s->free_parcel == SCHEDULE_NONE && genalloc_len(parcel, &s->parcels) == SCHEDULE_MAX;
}

static int wait_again(schedule *s, uint32_t p)
{
  heap_order order = by_due(s);

  if (heap_push(&destination_at(s, parcel_at(s, p)->to)->waiting, &order, p) < 0) return -1;
  s->waiting++;
  return 0;
}

/* Also one that is being tried. */
static uint32_t find_parcel(schedule const *s, char const *name, char const *host)
{
  uint32_t p = s->names[hash(name) % SCHEDULE_NAMES];

  for (; p != SCHEDULE_NONE; p = parcel_at(s, p)->next)
    if (!parcel_at(s, p)->forgotten && !strcmp(parcel_at(s, p)->name, name) &&
        !strcmp(schedule_host(s, p), host))
      break;
  return p;
}

int schedule_add(schedule *s, char const *name, char const *host, uint64_t due)
{
  static parcel const none;
  uint32_t to, p = s->free_parcel, *bucket = s->names + hash(name) % SCHEDULE_NAMES;
  parcel *x;

  if (find_parcel(s, name, host) != SCHEDULE_NONE) return 0;
  if (strlen(name) >= SPOOLNAME_FMT) return (errno = ENAMETOOLONG, -1);
  if (schedule_full(s)) return (errno = ENOSPC, -1);
  if (p == SCHEDULE_NONE)
  {
    if (!genalloc_append(parcel, &s->parcels, &none)) return -1;
    p = (uint32_t)genalloc_len(parcel, &s->parcels) - 1;
  }
  else
    s->free_parcel = parcel_at(s, p)->next;
  x = parcel_at(s, p);
  *x = (parcel){.due = due, .next = *bucket};
  strcpy(x->name, name);
  *bucket = p;
  to = find_destination(s, host);
  x->to = to;
  if (to != SCHEDULE_NONE && wait_again(s, p) == 0)
  {
    settle_destination(s, to, due);
    return 0;
  }
  if (to != SCHEDULE_NONE) settle_destination(s, to, UINT64_MAX);
  free_parcel(s, p);
  errno = ENOMEM;
  return -1;
}

void schedule_forget(schedule *s, char const *name)
{
  for (uint32_t p = s->names[hash(name) % SCHEDULE_NAMES]; p != SCHEDULE_NONE; p = parcel_at(s, p)->next)
    if (!parcel_at(s, p)->running && !strcmp(parcel_at(s, p)->name, name)) parcel_at(s, p)->forgotten = 1;
}

void schedule_hurry(schedule *s)
{
  heap_order order = by_when(s);
  uint32_t *all = genalloc_s(uint32_t, &s->order), n = (uint32_t)genalloc_len(uint32_t, &s->order);

  /* An order of parcels stays one when all are due at once; that of destinations is made anew, in its place. */
  for (size_t i = 0; i < genalloc_len(parcel, &s->parcels); i++) parcel_at(s, (uint32_t)i)->due = 0;
  for (uint32_t i = 0; i < n; i++) destination_at(s, all[i])->until = 0;
  for (uint32_t i = 0; i < n; i++)
  {
    genalloc_setlen(uint32_t, &s->order, i);
    (void)heap_push(&s->order, &order, all[i]);
  }
}

/* --- attempts ------------------------------------------------------------------------------------ */

uint64_t schedule_when(schedule const *s)
{
  if (s->running >= s->most || !genalloc_len(uint32_t, &s->order)) return UINT64_MAX;
  return when(s, *genalloc_s(uint32_t, &s->order));
}

uint32_t schedule_next(schedule *s, uint64_t now)
{
  heap_order order = by_due(s);

  while (schedule_when(s) <= now)
  {
    uint32_t to = *genalloc_s(uint32_t, &s->order);
    destination *d = destination_at(s, to);
    uint32_t p = heap_take(&d->waiting, &order, 0);

    s->waiting--;
    if (parcel_at(s, p)->forgotten)
      free_parcel(s, p);
    else
    {
      parcel_at(s, p)->running = 1;
      d->running++;
      s->running++;
    }
    settle_destination(s, to, now);
    if (!parcel_at(s, p)->forgotten) return p;
  }
  return SCHEDULE_NONE;
}

parcel const *schedule_parcel(schedule const *s, uint32_t p)
{
  return parcel_at(s, p);
}

char const *schedule_host(schedule const *s, uint32_t p)
{
  return destination_at(s, parcel_at(s, p)->to)->host;
}

/* A tenth of a message's first pause at first, twice as long each time. */
static uint64_t backoff(schedule const *s, unsigned int failures)
{
  uint64_t t = s->pause / 10;

  while (failures-- > 1 && t < BACKOFF_MOST) t *= 2;
  return t < BACKOFF_MOST ? t : BACKOFF_MOST;
}

void schedule_done(schedule *s, uint32_t p, health h, uint64_t now, uint64_t due)
{
  uint32_t to = parcel_at(s, p)->to;
  destination *d = destination_at(s, to);

  s->running--;
  d->running--;
  if (h == HEALTH_GOOD)
  {
    d->failures = 0;
    d->until = 0;
    if (d->limit < s->most_to) d->limit++;
  }
  else if (h == HEALTH_BAD)
  {
    d->limit = 1;
    d->until = now + backoff(s, ++d->failures);
  }
  parcel_at(s, p)->running = 0;
  parcel_at(s, p)->due = due;
  /* A parcel that there is no memory for is found again on disk at the next start. */
  if (!due || wait_again(s, p) < 0) free_parcel(s, p);
  settle_destination(s, to, now);
}

static void view_add(schedule_view *v, destination const *d, uint32_t waiting)
{
  unsigned int i = v->n < SCHEDULE_WORST ? v->n++ : SCHEDULE_WORST - 1;

  if (i == SCHEDULE_WORST - 1 && v->worst[i].host && v->worst[i].waiting >= waiting) return;
  for (; i && v->worst[i - 1].waiting < waiting; i--) v->worst[i] = v->worst[i - 1];
  v->worst[i].host = d->host;
  v->worst[i].waiting = waiting;
  v->worst[i].failures = d->failures;
  v->worst[i].until = d->until;
}

void schedule_look(schedule const *s, schedule_view *v)
{
  *v = (schedule_view){.oldest = 0};
  for (size_t i = 0; i < genalloc_len(destination, &s->destinations); i++)
  {
    destination const *d = destination_at(s, (uint32_t)i);
    uint32_t n = d->host ? (uint32_t)genalloc_len(uint32_t, &d->waiting) : 0;
    for (uint32_t k = 0; k < n; k++)
    {
      uint64_t birth = spoolname_birth(parcel_at(s, genalloc_s(uint32_t, &d->waiting)[k])->name);
      if (birth && (!v->oldest || birth < v->oldest)) v->oldest = birth;
    }
    if (!n || !d->failures) continue;
    v->deferred += n;
    view_add(v, d, n);
  }
}

static uint64_t root(uint64_t n)
{
  uint64_t r = 0;

  for (uint64_t bit = UINT64_C(1) << 31; bit; bit /= 2)
    if ((r + bit) * (r + bit) <= n) r += bit;
  return r;
}

/* In milliseconds, so that a root has some digits and the square fits. */
uint64_t schedule_retry(uint64_t birth, uint64_t now, uint64_t pause, uint32_t chance)
{
  uint64_t age = now > birth ? (now - birth) / 1000 : 0;
  uint64_t step = root(age) + root(pause / 1000);
  uint64_t wait = (step * step - age) * 1000;

  if (wait < pause) wait = pause;
  return now + wait / 10 * 9 + wait / 5 * (chance % 1024) / 1024;
}

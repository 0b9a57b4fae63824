#include "thresholds.h"

/* Whether x is as bad as the bound, or worse. */
static int reaches(gauge_number g, uint64_t x, uint64_t bound)
{
  return gauges[g].low ? x <= bound : x >= bound;
}

static int recovers(gauge_number g, uint64_t x, uint64_t bound)
{
  return gauges[g].low ? x >= bound : x <= bound;
}

static void cell_start(cell *c, gauge_number g, threshold const *t, reading const *x, int before)
{
  c->timing = c->lost = 0;
  c->raised = (unsigned char)before;
  if (x->state == READING_ABSENT ||
      (x->state == READING_KNOWN && !x->bound && recovers(g, x->value, t->leave)))
    c->raised = 0;
  if (x->state == READING_KNOWN && reaches(g, x->value, t->enter)) c->raised = 1;
}

/* Whether x says nothing about t: unknown, or a lower bound that may still be anything. */
static int is_lost(gauge_number g, threshold const *t, reading const *x)
{
  return x->state == READING_UNKNOWN || (x->bound && !reaches(g, x->value, t->enter));
}

static void cell_lose(cell *c, uint64_t patience, uint64_t now)
{
  if (!c->lost || now < c->lost_since)
  {
    c->lost = 1;
    c->lost_since = now;
  }
  if (!patience || now - c->lost_since < patience) return;
  c->raised = c->timing = 0;
}

static void cell_step(cell *c, gauge_number g, threshold const *t, reading const *x, uint64_t now)
{
  c->lost = 0;
  if (x->state == READING_ABSENT)
  {
    c->raised = c->timing = 0;
    return;
  }
  if (!(c->raised ? recovers(g, x->value, t->leave) : reaches(g, x->value, t->enter)))
  {
    c->timing = 0;
    return;
  }
  if (!c->timing || now < c->since)
  {
    c->timing = 1;
    c->since = now;
  }
  if (now - c->since < (c->raised ? t->down : t->up)) return;
  c->raised = !c->raised;
  c->timing = 0;
}

static unsigned int highest(machine const *m)
{
  for (unsigned int level = LEVELS; level; level--)
    for (gauge_number g = 0; g < GAUGES; g++)
      if (m->at[level - 1][g].raised) return level;
  return 0;
}

void machine_start(machine *m, rules const *r, sample const *x, unsigned int const before[LEVELS])
{
  machine const blank = MACHINE_ZERO;

  *m = blank;
  for (unsigned int i = 0; i < LEVELS; i++)
    for (gauge_number g = 0; g < GAUGES; g++)
      if (r->at[i][g].used) cell_start(&m->at[i][g], g, &r->at[i][g], &x->of[g], before[i] >> g & 1);
  m->level = highest(m);
}

void machine_step(machine *m, rules const *r, sample const *x, uint64_t now)
{
  for (unsigned int i = 0; i < LEVELS; i++)
    for (gauge_number g = 0; g < GAUGES; g++)
    {
      cell *c = &m->at[i][g];
      if (!r->at[i][g].used) continue;
      if (is_lost(g, &r->at[i][g], &x->of[g]))
        cell_lose(c, r->unknown, now);
      else
        cell_step(c, g, &r->at[i][g], &x->of[g], now);
    }
  m->level = highest(m);
}

unsigned int machine_raised(machine const *m, unsigned int level)
{
  unsigned int bits = 0;

  for (gauge_number g = 0; g < GAUGES; g++)
    if (m->at[level - 1][g].raised) bits |= 1u << g;
  return bits;
}

gauge_number machine_cause(machine const *m)
{
  gauge_number g = 0;

  if (!m->level) return GAUGES;
  while (g < GAUGES && !m->at[m->level - 1][g].raised) g++;
  return g;
}

unsigned int rules_used(rules const *r)
{
  unsigned int bits = 0;

  for (unsigned int i = 0; i < LEVELS; i++)
    for (gauge_number g = 0; g < GAUGES; g++)
      if (r->at[i][g].used) bits |= 1u << g;
  return bits;
}

char const *rules_wrong(rules const *r)
{
  for (gauge_number g = 0; g < GAUGES; g++)
  {
    threshold const *mild = &r->at[0][g];
    threshold const *severe = &r->at[1][g];

    for (unsigned int i = 0; i < LEVELS; i++)
      if (r->at[i][g].used && !reaches(g, r->at[i][g].enter, r->at[i][g].leave))
        return "leave lies beyond enter";
    if (mild->used && severe->used && !reaches(g, severe->enter, mild->enter))
      return "severe enter is reached before enter";
  }
  return 0;
}

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <runlib/field.h>

#include "act.h"

static void measured_reason(char *s, machine const *measured, monitor_state const *m)
{
  gauge_number g = machine_cause(measured);
  char text[READING_TEXT];

  s[0] = 0;
  if (g >= GAUGES) return;
  reading_text(text, g, &m->x.of[g]);
  snprintf(s, OVERLOAD_REASON + 1, "%s (enters at %" PRIu64 "%s)", text,
           m->r.at[measured->level - 1][g].enter, gauges[g].unit);
}

/* Whether the reason can still be measured, at its end. */
static void doubt(monitor_state *m, machine const *measured)
{
  static char const words[] = ", cannot be measured now";
  gauge_number g = machine_cause(measured);
  char *at = strstr(m->reason, words);

  if (at) *at = 0;
  if (g < GAUGES && m->x.of[g].state == READING_UNKNOWN &&
      strlen(m->reason) + strlen(words) <= OVERLOAD_REASON)
    strcat(m->reason, words);
}

static void reason(monitor_state *m, machine const *measured, hold const *h, overload const *flag)
{
  char by[32 + HOLD_BY];
  char const *given = m->mode == MODE_HAND ? flag->reason : h->reason;

  if (m->mode == MODE_AUTO)
  {
    measured_reason(m->reason, measured, m);
    return;
  }
  snprintf(by, sizeof by, "held %s by %s", h->kind == HOLD_OFF ? "off" : "on", h->by[0] ? h->by : "hand");
  if (m->mode == MODE_HAND) strcpy(by, "a flag made by hand");
  field_clean(m->reason, OVERLOAD_REASON, given[0] ? given : by, strlen(given[0] ? given : by));
}

static state_mode mode_of(hold const *h, overload const *flag)
{
  if (flag->maker == OVERLOAD_HAND) return MODE_HAND;
  return h->kind == HOLD_ON ? MODE_ON : h->kind == HOLD_OFF ? MODE_OFF : MODE_AUTO;
}

static unsigned int level_of(state_mode mode, machine const *measured, hold const *h, overload const *flag)
{
  switch (mode)
  {
    case MODE_HAND: return flag->level;
    case MODE_ON: return h->level;
    case MODE_OFF: return 0;
    default: return measured->level;
  }
}

int act_decide(monitor_state *m, machine const *measured, hold const *h, overload const *flag, uint64_t now)
{
  state_mode mode = mode_of(h, flag);
  unsigned int level = level_of(mode, measured, h, flag);
  uint64_t until = mode == MODE_ON || mode == MODE_OFF ? h->until : 0;
  int changed = level != m->level || mode != m->mode;

  if (level != m->level || !m->since) m->since = now;
  m->measured = measured->level;
  m->level = level;
  m->mode = mode;
  m->until = until;
  for (unsigned int i = 0; i < LEVELS; i++) m->raised[i] = machine_raised(measured, i + 1);
  if (changed || mode != MODE_AUTO) reason(m, measured, h, flag);
  if (mode == MODE_AUTO) doubt(m, measured);
  return changed;
}

void act_text(char *s, unsigned int before, monitor_state const *m, unsigned int asked)
{
  int n = snprintf(s, ACT_TEXT - SAMPLE_TEXT, "level %u -> %u, %s%s%s; ", before, m->level,
                   state_mode_name(m->mode), m->reason[0] ? ": " : "", m->reason);

  if (n < 0) n = 0;
  if (n >= ACT_TEXT - SAMPLE_TEXT) n = ACT_TEXT - SAMPLE_TEXT - 1;
  sample_text(s + n, &m->x, asked);
}

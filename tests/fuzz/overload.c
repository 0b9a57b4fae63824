#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <runlib/overload-hold.h>
#include <runlib/overload-state.h>
#include <runlib/overload.h>

#include <services/monitor/options.h>
#include <services/monitor/spec.h>

/*
 * Any bytes at all as the flag, as the files hold and state, as a threshold and as a signal's line: each
 * means something within its bounds, and what is written of it is read back the same.
 */

extern int LLVMFuzzerTestOneInput(uint8_t const *bytes, size_t len);

static void flag(char const *s, size_t len)
{
  overload o;
  char reply[OVERLOAD_REPLY];
  char line[OVERLOAD_REPLY];

  overload_parse(&o, s, len, 1000, 1005);
  if (o.level > 2 || !o.stated || o.level > o.stated || o.maker == OVERLOAD_NOBODY) abort();
  if (o.maker == OVERLOAD_HAND && o.stale) abort();
  if (strlen(o.reason) > OVERLOAD_REASON) abort();
  overload_reply(reply, o.stated, o.reason);
  if (strpbrk(reply, "\r\n") || strlen(reply) > 509) abort();
  if (overload_log(line, reply, -1) >= sizeof line) abort();
}

static void held(char const *s, size_t len)
{
  hold h;

  hold_parse(&h, s, len);
  if (h.level > 2 || (h.kind == HOLD_ON) != (h.level > 0) || strpbrk(h.by, "\n") || strpbrk(h.reason, "\n"))
    abort();
}

static void published(char const *s, size_t len)
{
  static monitor_state m, back;
  static char text[STATE_TEXT];

  state_parse(&m, s, len);
  if (m.level > LEVELS || m.measured > LEVELS || m.hooked > LEVELS || m.mode > MODE_HAND) abort();
  state_text(text, &m);
  state_parse(&back, text, sizeof text);
  if (back.level != m.level || back.time != m.time || memcmp(back.raised, m.raised, sizeof m.raised) ||
      memcmp(&back.r, &m.r, sizeof m.r))
    abort();
}

static void thresholds(char const *s, size_t len)
{
  char *text = malloc(len + 1);
  threshold t[LEVELS];
  rules r;

  if (!text) return;
  memcpy(text, s, len);
  text[len] = 0;
  memset(&r, 0, sizeof r);
  if (!options_threshold(&r, text) != (rules_used(&r) != 0)) abort();
  for (gauge_number g = GAUGE_OLDEST; g < GAUGES; g++)
  {
    memset(t, 0, sizeof t);
    if (!spec_parse(t, g,
                    g == GAUGE_FREE_BYTES ? KEY_SIZE
                    : g == GAUGE_OLDEST   ? KEY_TIME
                                          : KEY_COUNT,
                    text) &&
        (!t[0].used || spec_wrong(g, t)))
      abort();
  }
  free(text);
}

int LLVMFuzzerTestOneInput(uint8_t const *bytes, size_t len)
{
  char const *s = (char const *)bytes;

  flag(s, len);
  held(s, len);
  published(s, len);
  thresholds(s, len);
  return 0;
}

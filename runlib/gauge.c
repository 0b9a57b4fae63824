#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gauge.h"

gauge const gauges[GAUGES] = {
    [GAUGE_BACKLOG] = {"backlog", "", 0},
    [GAUGE_OLDEST] = {"oldest", "s", 0},
    [GAUGE_FREE_BYTES] = {"free-bytes", "", 1},
    [GAUGE_FREE_INODES] = {"free-inodes", "", 1},
    [GAUGE_LOAD] = {"load", "%", 0},
    [GAUGE_CPU] = {"pressure-cpu", "%", 0},
    [GAUGE_MEMORY] = {"pressure-memory", "%", 0},
    [GAUGE_IO] = {"pressure-io", "%", 0},
    [GAUGE_FILTER] = {"filter-time", "ms", 0},
};

gauge_number gauge_find(char const *name, size_t n)
{
  for (gauge_number g = 0; g < GAUGES; g++)
    if (strlen(gauges[g].name) == n && !memcmp(gauges[g].name, name, n)) return g;
  return GAUGES;
}

size_t reading_text(char *s, gauge_number g, reading const *r)
{
  int n;

  if (r->state == READING_ABSENT)
    n = snprintf(s, READING_TEXT, "%s absent", gauges[g].name);
  else if (r->state == READING_UNKNOWN)
    n = snprintf(s, READING_TEXT, "%s unknown", gauges[g].name);
  else
    n = snprintf(s, READING_TEXT, "%s %" PRIu64 "%s%s", gauges[g].name, r->value, gauges[g].unit,
                 r->more ? "+" : "");
  return n < 0 ? 0 : n >= READING_TEXT ? READING_TEXT - 1 : (size_t)n;
}

size_t sample_text(char *s, sample const *x, unsigned int asked)
{
  size_t n = 0;

  s[0] = 0;
  for (gauge_number g = 0; g < GAUGES; g++)
  {
    if (!(asked & 1u << g)) continue;
    if (n) memcpy(s + n, ", ", 2), n += 2;
    n += reading_text(s + n, g, &x->of[g]);
  }
  return n;
}

#include <fcntl.h>
#include <string.h>

#include <runlib/clock.h>

#include "table.h"

void table_clock_start(header *h, uint64_t boot, uint64_t wall, char const *boot_id)
{
  uint64_t passed = 0;

  if (!strncmp(h->boot_id, boot_id, sizeof h->boot_id) && *boot_id)
    passed = boot > h->boot ? boot - h->boot : 0;
  else if (h->wall && wall > h->wall)
  {
    passed = wall - h->wall;
    if (passed > CLOCK_LEAP) passed = CLOCK_LEAP;
  }
  h->clock += passed;
  h->boot = boot;
  h->wall = wall;
  memset(h->boot_id, 0, sizeof h->boot_id);
  strncpy(h->boot_id, boot_id, sizeof h->boot_id - 1);
}

uint64_t table_tick(table *t)
{
  header *h = t->header;
  uint64_t boot = clock_boot_ms();

  if (boot > h->boot)
  {
    h->clock += boot - h->boot;
    h->wall += boot - h->boot;
    h->boot = boot;
  }
  t->saved.clock = h->clock;
  t->saved.boot = h->boot;
  t->saved.wall = h->wall;
  return h->clock;
}

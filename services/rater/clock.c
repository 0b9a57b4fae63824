#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "table.h"

static uint64_t read_ms(clockid_t id)
{
  struct timespec ts;
  if (clock_gettime(id, &ts) < 0 || ts.tv_sec < 0) return 0;
  return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

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
  uint64_t boot = read_ms(CLOCK_BOOTTIME);

  if (boot > h->boot)
  {
    h->clock += boot - h->boot;
    h->wall += boot - h->boot;
    h->boot = boot;
  }
  return h->clock;
}

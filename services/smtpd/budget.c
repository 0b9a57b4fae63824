#include <sys/mman.h>

#include "budget.h"

budget *budget_open(void)
{
  void *p = mmap(0, sizeof(budget), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return p == MAP_FAILED ? 0 : p;
}

int budget_take(budget *b, uint64_t source, size_t bytes, unsigned int times, uint64_t now)
{
  uint64_t window = now / BUDGET_SECONDS << 32;
  _Atomic uint64_t *place;
  uint64_t was, next;

  if (!b) return 1;
  place = b->place + (source * 0x9e3779b97f4a7c15u >> 32) % BUDGET_PLACES;
  was = atomic_load_explicit(place, memory_order_relaxed);
  do
  {
    next = was >> 32 << 32 == window ? was : window;
    if ((uint32_t)next + bytes > (uint64_t)times * BUDGET_BYTES) return 0;
    next += bytes;
  } while (
      !atomic_compare_exchange_weak_explicit(place, &was, next, memory_order_relaxed, memory_order_relaxed));
  return 1;
}

#include <services/spool/heap.h>

static void put(uint32_t *s, heap_order const *o, uint32_t place, uint32_t a)
{
  s[place] = a;
  if (o->moved) o->moved(o->data, a, place);
}

void heap_settle(genalloc *heap, heap_order const *o, uint32_t place)
{
  uint32_t *s = genalloc_s(uint32_t, heap), a = s[place];
  uint32_t n = (uint32_t)genalloc_len(uint32_t, heap);

  for (; place && o->less(o->data, a, s[(place - 1) / 2]); place = (place - 1) / 2)
    put(s, o, place, s[(place - 1) / 2]);
  for (;;)
  {
    uint32_t child = 2 * place + 1;
    if (child + 1 < n && o->less(o->data, s[child + 1], s[child])) child++;
    if (child >= n || !o->less(o->data, s[child], a)) break;
    put(s, o, place, s[child]);
    place = child;
  }
  put(s, o, place, a);
}

int heap_push(genalloc *heap, heap_order const *o, uint32_t a)
{
  if (!genalloc_append(uint32_t, heap, &a)) return -1;
  heap_settle(heap, o, (uint32_t)genalloc_len(uint32_t, heap) - 1);
  return 0;
}

uint32_t heap_take(genalloc *heap, heap_order const *o, uint32_t place)
{
  uint32_t *s = genalloc_s(uint32_t, heap), taken = s[place];
  uint32_t n = (uint32_t)genalloc_len(uint32_t, heap) - 1;

  genalloc_setlen(uint32_t, heap, n);
  if (place < n)
  {
    s[place] = s[n];
    heap_settle(heap, o, place);
  }
  return taken;
}

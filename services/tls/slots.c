#include <string.h>

#include "slots-internal.h"

static unsigned int of_client(place const *list, unsigned int n, uint64_t const key[2])
{
  unsigned int count = 0;

  for (unsigned int i = 0; i < n; i++)
    count += list[i].pid && list[i].key[0] == key[0] && list[i].key[1] == key[1];
  return count;
}

slot_answer slot_take(place *list, unsigned int n, pid_t pid, unsigned char const key[16],
                      unsigned int per_client)
{
  uint64_t k[2];
  unsigned int i = 0;
  pid_t none = 0;

  memcpy(k, key, sizeof k);
  for (; i < n; i++, none = 0)
    if (!list[i].pid && atomic_compare_exchange_strong(&list[i].pid, &none, pid)) break;
  if (i == n) return SLOT_FULL;
  list[i].key[0] = k[0];
  list[i].key[1] = k[1];
  if (of_client(list, n, k) <= per_client)
    return SLOT_TAKEN; /* itself among them: two at once never pass both */
  list[i].pid = 0;
  return SLOT_CLIENT;
}

int slot_free(place *list, pid_t pid)
{
  for (unsigned int i = 0; i < PLACES_MAX; i++)
    if (list[i].pid == pid)
    {
      list[i].pid = 0;
      return 1;
    }
  return 0;
}

unsigned int place_count(place const *list, unsigned int n)
{
  unsigned int count = 0;

  for (unsigned int i = 0; i < n; i++) count += list[i].pid != 0;
  return count;
}

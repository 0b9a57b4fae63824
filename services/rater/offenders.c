#include <string.h>

#include "engine-internal.h"

/*
 * The worst offenders among any number, in a few places (the "space-saving" algorithm of Metwally, Agrawal
 * and El Abbadi, 2005): a newcomer takes the place of the least, and its count, plus one. Whoever was
 * refused more than refusals / OFFENDERS times is on the board.
 */
void offender_note(board *b, uint64_t hash, char const *name, size_t len, uint32_t now)
{
  offender *o = b->offenders, *least = o;

  for (unsigned int i = 0; i < OFFENDERS; i++, o++)
  {
    if (o->hash == hash)
    {
      o->refusals++;
      o->last = now;
      return;
    }
    if (o->refusals < least->refusals) least = o;
  }
  least->hash = hash;
  least->refusals++;
  least->last = now;
  least->len = (uint8_t)(len > OFFENDER_MAX ? OFFENDER_MAX : len);
  memcpy(least->name, name, least->len);
}

void offender_forget(board *b, uint64_t hash)
{
  for (unsigned int i = 0; i < OFFENDERS; i++)
    if (b->offenders[i].hash == hash) memset(&b->offenders[i], 0, sizeof b->offenders[i]);
}

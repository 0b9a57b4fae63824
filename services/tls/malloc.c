#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

#include "malloc-internal.h"

#define HOLE_MAX 65536
#define FILL_MAX 100000        /* pieces, whatever malloc does */
#define ROOM     (1024 * 1024) /* bytes, which OpenSSL finds enough for a key or a certificate */
#define FRESH    (256 * 1024)  /* bytes above all holes: enough for a session's small things */

/* Where what malloc never gave out begins. */
static char *top(void)
{
  return (char *)sbrk(0) - mallinfo2().keepcost;
}

void malloc_fill_holes(void)
{
  unsigned int left = FILL_MAX;

  (void)mallopt(M_TOP_PAD, FRESH);
  (void)mallopt(M_TRIM_THRESHOLD, 2 * FRESH);
  for (size_t n = HOLE_MAX; n; n -= 16)
    for (; left; left--)
    {
      char *edge = top();
      char *hole = malloc(n);
      if (!hole) return;
      if (hole < edge) continue; /* for good */
      free(hole);
      break;
    }
}

int malloc_is_spent(void)
{
  void *volatile room = malloc(ROOM);

  free(room);
  return !room;
}

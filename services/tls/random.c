/* RAND_METHOD is deprecated since 3.0, where a provider would take its place. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <sys/random.h>

#include <openssl/rand.h>

#include "random-internal.h"

#define ENTROPY_MAX 256 /* getentropy's bound */

static int fill(unsigned char *s, int n)
{
  for (; n > 0; s += ENTROPY_MAX, n -= ENTROPY_MAX)
    if (getentropy(s, n < ENTROPY_MAX ? (size_t)n : ENTROPY_MAX) < 0) return 0;
  return 1;
}

static int is_seeded(void)
{
  return 1;
}

void random_from_kernel(void)
{
  static RAND_METHOD const method = {.bytes = fill, .pseudorand = fill, .status = is_seeded};
  RAND_set_rand_method(&method);
}

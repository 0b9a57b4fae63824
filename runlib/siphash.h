#ifndef RUNLIB_SIPHASH_H
#define RUNLIB_SIPHASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * SipHash (Aumasson and Bernstein, 2012): a keyed hash that nobody can find collisions of without the
 * key. The table uses 1-3, as most hash tables do; the paper's test vectors are of 2-4, so that the
 * rounds are arguments, and the compiler folds them away.
 */

#define SIPHASH_KEY 16

typedef struct siphash_s siphash;
struct siphash_s
{
  uint64_t v[4];
};

static inline uint64_t siphash_word(unsigned char const *s)
{
  uint64_t w;
  memcpy(&w, s, 8); /* the table file is not meant to move between machines: any byte order will do */
  return w;
}

static inline uint64_t siphash_rotl(uint64_t x, unsigned int n)
{
  return x << n | x >> (64 - n);
}

static inline void siphash_rounds(siphash *h, unsigned int n)
{
  uint64_t *v = h->v;
  for (; n; n--)
  {
    v[0] += v[1], v[2] += v[3];
    v[1] = siphash_rotl(v[1], 13) ^ v[0], v[3] = siphash_rotl(v[3], 16) ^ v[2];
    v[0] = siphash_rotl(v[0], 32);
    v[2] += v[1], v[0] += v[3];
    v[1] = siphash_rotl(v[1], 17) ^ v[2], v[3] = siphash_rotl(v[3], 21) ^ v[0];
    v[2] = siphash_rotl(v[2], 32);
  }
}

static inline void siphash_init(siphash *h, unsigned char const *key)
{
  uint64_t k0 = siphash_word(key);
  uint64_t k1 = siphash_word(key + 8);
  h->v[0] = k0 ^ 0x736f6d6570736575ull;
  h->v[1] = k1 ^ 0x646f72616e646f6dull;
  h->v[2] = k0 ^ 0x6c7967656e657261ull;
  h->v[3] = k1 ^ 0x7465646279746573ull;
}

static inline void siphash_absorb(siphash *h, uint64_t word, unsigned int c)
{
  h->v[3] ^= word;
  siphash_rounds(h, c);
  h->v[0] ^= word;
}

/* The hash of all that was absorbed before (before bytes, a multiple of 8) and then s. */
static inline uint64_t siphash_end(siphash *h, size_t before, char const *s, size_t n, unsigned int c,
                                   unsigned int d)
{
  uint64_t last = (uint64_t)(before + n) << 56;
  size_t i = 0;

  for (; i + 8 <= n; i += 8) siphash_absorb(h, siphash_word((unsigned char const *)s + i), c);
  for (unsigned int shift = 0; i < n; i++, shift += 8) last |= (uint64_t)(unsigned char)s[i] << shift;
  siphash_absorb(h, last, c);
  h->v[2] ^= 0xff;
  siphash_rounds(h, d);
  return h->v[0] ^ h->v[1] ^ h->v[2] ^ h->v[3];
}

/* The hash of the eight bytes of seed followed by s. */
static inline uint64_t siphash13(unsigned char const *key, uint64_t seed, char const *s, size_t n)
{
  siphash h;
  siphash_init(&h, key);
  siphash_absorb(&h, seed, 1);
  return siphash_end(&h, 8, s, n, 1, 3);
}

#endif

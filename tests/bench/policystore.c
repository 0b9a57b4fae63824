#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include <services/policy/store.h>

/* Fills a greylist store with random triplets: policystore DIR ENTRIES. Prints bytes and microseconds of CPU an entry. */

static double cpu(void)
{
  struct rusage r;

  getrusage(RUSAGE_SELF, &r);
  return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1e6 +
         (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

int main(int argc, char **argv)
{
  unsigned long n = argc > 2 ? strtoul(argv[2], 0, 10) : 0;
  char aside[80], path[4096];
  char const *failed;
  uint64_t x = 88172645463325252ull;
  struct stat st;
  double start;
  store *s;

  if (!n || store_open(&s, argv[1], n, aside, sizeof aside, &failed) < 0) return 111;
  start = cpu();
  for (unsigned long i = 0; i < n; i++)
  {
    unsigned char key[9] = {'t'};
    store_value const v = {1700000000, 1700000000, 0};
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    memcpy(key + 1, &x, 8);
    if (store_put(s, key, sizeof key, &v) < 0) return 1;
    if (i % 20 == 0) store_commit(s, 0); /* as a busy turn of the loop */
  }
  store_commit(s, 1);
  snprintf(path, sizeof path, "%s/data.mdb", argv[1]);
  if (stat(path, &st) < 0) return 111;
  printf("%lu entries: %.1f bytes and %.1f us each\n", n, (double)st.st_blocks * 512 / (double)n,
         (cpu() - start) / (double)n);
  store_close(s);
  return 0;
}

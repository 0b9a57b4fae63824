#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <runlib/tcp/proxy.h>

/* Any bytes as the header of a balancer: it is read alike however it comes, and not beyond its end. */

extern int LLVMFuzzerTestOneInput(uint8_t const *bytes, size_t len);

int LLVMFuzzerTestOneInput(uint8_t const *bytes, size_t len)
{
  endpoint local, remote, l = ENDPOINT_ZERO, r = ENDPOINT_ZERO;
  char text[ENDPOINT_FMT];
  size_t used, u;
  proxy_result whole;

  memset(&local, 0, sizeof local);
  memset(&remote, 0, sizeof remote);
  whole = proxy_scan(bytes, len, &used, &local, &remote);
  if (whole >= PROXY_OWN && (used < 8 || used > len || used > PROXY_MAX)) abort();
  if (whole == PROXY_MORE && len >= PROXY_MAX) abort();
  if (whole == PROXY_CLIENT && (!endpoint_fmt(text, &local) || !endpoint_fmt(text, &remote))) abort();
  for (size_t n = 0; n < len && n < PROXY_MAX; n++)
  {
    /* a copy of its own size, so that a look behind its end is found */
    unsigned char *part = malloc(n ? n : 1);
    if (!part) return 0;
    memcpy(part, bytes, n);
    proxy_result some = proxy_scan(part, n, &u, &l, &r);
    free(part);
    if (some == PROXY_MORE) continue;
    if (some != whole || (whole >= PROXY_OWN && u != used)) abort();
    break;
  }
  return 0;
}

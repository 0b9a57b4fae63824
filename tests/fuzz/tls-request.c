#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <runlib/tlsclient.h>

#include <services/tls/request-internal.h>
#include <services/tls/settings-internal.h>

/* What other processes send to tlsd and to its clients, and tlsd's configuration. */

extern int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size);

static int is_text(char const *s, size_t max)
{
  size_t n = strnlen(s, max);

  for (size_t i = 0; i < n; i++)
    if ((unsigned char)s[i] < ' ' && !strchr("\r\n", s[i])) return 0;
  return n < max;
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
  request rq;
  tls_info info = TLS_INFO_ZERO;
  settings st;
  unsigned int line;
  char *copy = malloc(size + 1);

  if (!copy) return 0;
  memcpy(copy, data, size);
  copy[size] = 0;
  if (!request_scan(copy, size, &rq) &&
      !(is_text(rq.peer, sizeof rq.peer) && is_text(rq.name, sizeof rq.name) &&
        is_text(rq.ready, sizeof rq.ready)))
    abort();
  (void)tls_report_scan(copy, size, &info);
  if (!is_text(info.sni, sizeof info.sni) || strpbrk(info.sni, "\r\n")) abort();
  (void)settings_scan(&st, copy, &line);
  free(copy);
  return 0;
}

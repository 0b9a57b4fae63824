#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <services/smtpd/fixup.h>

/*
 * Any message, in pieces whose lengths the first bytes say: the same result as in one piece; the body is
 * untouched; doing it twice changes nothing more.
 */

extern int LLVMFuzzerTestOneInput(uint8_t const *data, size_t len);

static fixup_info const info = {.host = "h.x", .domain = "d.x", .sender = "s", .id = "1"};

static void run(stralloc *out, char const *s, size_t len, uint8_t const *cuts, size_t n)
{
  static fixup f = FIXUP_ZERO;

  out->len = 0;
  fixup_init(&f, &info);
  for (; n && len; n--, cuts++)
  {
    size_t piece = *cuts < len ? *cuts : len;
    if (fixup_feed(&f, s, piece, out) < 0) abort();
    s += piece;
    len -= piece;
  }
  if (fixup_feed(&f, s, len, out) < 0 || fixup_end(&f, out) < 0) abort();
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t len)
{
  static stralloc whole = STRALLOC_ZERO;
  static stralloc cut = STRALLOC_ZERO;
  static stralloc twice = STRALLOC_ZERO;
  char const *s = (char const *)data + 8;
  char const *body;

  if (len < 8) return 0;
  len -= 8;
  run(&whole, s, len, data, 0);
  run(&cut, s, len, data, 8);
  if (whole.len != cut.len || memcmp(whole.s, cut.s, whole.len)) abort();
  run(&twice, whole.s, whole.len, data, 0);
  if (whole.len != twice.len || memcmp(whole.s, twice.s, whole.len)) abort();
  body = memmem(s, len, "\n\n", 2);
  if (body)
  {
    size_t n = len - (size_t)(body - s);
    if (whole.len < n || memcmp(whole.s + whole.len - n, body, n)) abort();
  }
  return 0;
}

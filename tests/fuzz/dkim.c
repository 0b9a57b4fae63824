#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <services/dkim/canon.h>

/*
 * Any bytes as a message's header, and as a body: what comes of a field is one line, what comes of a body has no blank at a line's
 * end, and is the same in pieces.
 */

extern int LLVMFuzzerTestOneInput(uint8_t const *bytes, size_t len);

static void header(char const *s, char const *end)
{
  stralloc out = STRALLOC_ZERO;
  char domain[256];
  field f;

  while (canon_field_next(&s, end, &f))
  {
    out.len = 0;
    if (field_canon(&out, &f, 0) < 0 || out.len < 3 || memchr(out.s, '\n', out.len) != out.s + out.len - 1)
      abort();
    if (from_domain(f.s, f.len, domain) == 0 && (strchr(domain, '/') || strlen(domain) > 254)) abort();
  }
  stralloc_free(&out);
}

static void body(stralloc *out, char const *s, size_t n, size_t step)
{
  body_canon b = BODY_CANON_ZERO;

  for (size_t i = 0; i < n; i += step)
    if (body_canon_put(&b, out, s + i, n - i < step ? n - i : step) < 0) abort();
  if (body_canon_end(&b, out) < 0) abort();
}

int LLVMFuzzerTestOneInput(uint8_t const *bytes, size_t len)
{
  char const *s = (char const *)bytes;
  stralloc whole = STRALLOC_ZERO, pieces = STRALLOC_ZERO;

  header(s, s + len);
  body(&whole, s, len, len ? len : 1);
  body(&pieces, s, len, 3);
  if (whole.len != pieces.len || (whole.len && memcmp(whole.s, pieces.s, whole.len))) abort();
  if (whole.len && (memmem(whole.s, whole.len, " \r\n", 3) || whole.s[whole.len - 1] != '\n')) abort();
  stralloc_free(&whole);
  stralloc_free(&pieces);
  return 0;
}

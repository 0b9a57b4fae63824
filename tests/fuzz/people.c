#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <runlib/entries.h>
#include <runlib/srs.h>
#include <services/imap/logline.h>

/*
 * What strangers choose for themselves, and what people write by hand: a recipient that looks like an address of ours, a line of Dovecot's
 * log, a file of aliases.
 */

extern int LLVMFuzzerTestOneInput(uint8_t const *bytes, size_t len);

#define NOW 1800000000u
static unsigned char const key[SRS_KEY] = "0123456789abcdef";

/* What we make comes back. (libFuzzer looks at what is compared, and makes addresses of ours: any may lead somewhere.) */
static void srs(char const *s, size_t len)
{
  stralloc there = STRALLOC_ZERO, back = STRALLOC_ZERO;

  if (srs_reverse(&back, key, NOW, s, len) < 0) abort();
  if (len && len < 500 && s[0] != '@' && !srs_is(s) && srs_forward(&there, key, NOW, s, "us.test") == 0)
  {
    char const *at;
    if (!stralloc_0(&there)) abort();
    at = strrchr(there.s, '@');
    back.len = 0;
    if (srs_reverse(&back, key, NOW, there.s, (size_t)(at - there.s)) == 1 && strchr(s, '@') &&
        !strchr(strrchr(s, '@'), '=') && (back.len != len || memcmp(back.s, s, len)))
      abort();
  }
  stralloc_free(&there);
  stralloc_free(&back);
}

static int count(void *data, char const *name, size_t namelen, char const *word, size_t len)
{
  (void)name;
  (void)namelen;
  *(unsigned int *)data += len == 3 && !memcmp(word, "joe", 3);
  return 0;
}

/* A word that was added is there, once for its entry, and gone after it was removed. */
static void entries(char const *s, size_t len)
{
  static char const *const joe[] = {"joe", 0};
  stralloc with = STRALLOC_ZERO, without = STRALLOC_ZERO;
  unsigned int n = 0;

  if (entries_add(&with, s, len, "new", joe) < 0) abort();
  entries_each(with.s, with.len, "new", &count, &n);
  if (!n && !memmem(s, len, "JOE", 3) && !memmem(s, len, "Joe", 3) && !memmem(s, len, "jo", 2) &&
      !memmem(s, len, "J", 1) && !memmem(s, len, "O", 1) && !memmem(s, len, "E", 1))
    abort();
  if (entries_remove(&without, with.s, with.len, 0, "joe") < 0) abort();
  n = 0;
  entries_each(without.s, without.len, 0, &count, &n);
  if (n) abort();
  stralloc_free(&with);
  stralloc_free(&without);
}

int LLVMFuzzerTestOneInput(uint8_t const *bytes, size_t len)
{
  char *s = malloc(len + 1);
  logline x;

  if (!s) abort();
  memcpy(s, bytes, len);
  s[len] = 0;
  if (logline_read(&x, s, len) && x.failures > 1000) abort();
  if (strlen(s) == len) srs(s, len);
  entries(s, len);
  free(s);
  return 0;
}

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <services/remote/mx.h>
#include <services/remote/rdata.h>
#include <services/remote/reply.h>
#include <services/remote/sts.h>

/*
 * What strangers' servers say, by the first byte: an SMTP reply, in pieces; an answer of the DNS; a policy. A reply that is
 * taken has a code of SMTP's, and no control character that a log or a bounce could suffer from.
 */

extern int LLVMFuzzerTestOneInput(uint8_t const *bytes, size_t len);

static uint32_t chance(void)
{
  return 1;
}

static void fuzz_reply(char const *s, size_t n, size_t step)
{
  reply r = REPLY_ZERO;
  int result = 0;

  for (size_t i = 0, used; i < n && result >= 0; i += used)
  {
    result = reply_feed(&r, s + i, n - i < step ? n - i : step, &used);
    if (!result || result < 0) continue;
    if (r.code < 200 || r.code > 599) abort();
    for (size_t k = 0; k < r.text.len; k++)
      if ((unsigned char)r.text.s[k] < ' ' && r.text.s[k] != '\n') abort();
    (void)reply_offers(&r);
    reply_clear(&r);
  }
  reply_free(&r);
}

static void fuzz_rdata(dns_answer *a)
{
  static unsigned int const types[] = {DNS_A, DNS_AAAA, DNS_MX, DNS_PTR, DNS_TXT, DNS_SRV, DNS_TLSA, DNS_CAA};
  stralloc text = STRALLOC_ZERO;

  for (unsigned int t = 0; t < sizeof types / sizeof *types; t++)
  {
    dns_answer_read(a, types[t]);
    for (unsigned int i = 0; i < a->n; i++)
    {
      text.len = 0;
      if (rdata_text(&text, a, i, types[t]) < 0) continue;
      for (size_t k = 0; k < text.len; k++)
        if (text.s[k] < ' ' || text.s[k] > '~') abort();
      if (!stralloc_0(&text) || !rdata_same(types[t], text.s, text.s)) abort();
    }
  }
  stralloc_free(&text);
}

static void fuzz_answer(char const *s, size_t n)
{
  static mx_list l;
  dns_answer a = DNS_ANSWER_ZERO;

  if (!stralloc_copyb(&a.message, s, n)) abort();
  dns_answer_read(&a, DNS_MX);
  if (a.n > DNS_RECORDS) abort();
  (void)mx_read(&l, &a, &chance);
  for (unsigned int i = 0; i < l.hosts; i++)
    if (strlen(l.host[i].name) >= DNS_NAME) abort();
  dns_answer_read(&a, DNS_A);
  for (unsigned int i = 0; i < a.n; i++)
    if (a.records[i].at + a.records[i].len > n) abort();
  fuzz_rdata(&a);
  stralloc_free(&a.message);
}

static void fuzz_policy(char const *s, size_t n)
{
  stralloc patterns = STRALLOC_ZERO;

  if (sts_read(s, n, &patterns) > 0) (void)sts_allows(&patterns, "mx.example.org");
  stralloc_free(&patterns);
}

int LLVMFuzzerTestOneInput(uint8_t const *bytes, size_t len)
{
  char const *s = (char const *)bytes + 1;

  if (!len) return 0;
  if (bytes[0] == 'd')
    fuzz_answer(s, len - 1);
  else if (bytes[0] == 'p')
    fuzz_policy(s, len - 1);
  else
    fuzz_reply(s, len - 1, 1 + bytes[0] % 7);
  return 0;
}

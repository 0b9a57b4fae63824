#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <services/policy/answer.h>
#include <runlib/policyrequest.h>

/* Any bytes as a DNS message, of each type, and as a client's questions. */

extern int LLVMFuzzerTestOneInput(uint8_t const *bytes, size_t len);

static void read_message(uint8_t const *bytes, size_t len, dns_type type)
{
  dns_answer *a = answer_read(bytes, len, type);

  if (!a) return;
  if (a->n > ANSWER_RECORDS || (a->status == DNS_FOUND) != (a->n > 0)) abort();
  for (unsigned int i = 0; i < a->n; i++)
  {
    dns_record const *r = &a->records[i];
    if (type == DNS_A && r->len != 4) abort();
    if (type == DNS_AAAA && r->len != 16) abort();
    if ((type == DNS_MX || type == DNS_PTR) && (strlen(r->data) != r->len || r->len > DNS_NAME_MAX)) abort();
    for (size_t k = 0; k < r->len; k++) (void)*(char const volatile *)(r->data + k);
  }
  free(a);
}

static void read_questions(char *s, size_t len)
{
  policy_request r;
  size_t n;

  while ((n = policy_request_length(s, len)))
  {
    if (n > len) abort();
    if (!policy_request_read(&r, s, n) && strlen(r.sender) + strlen(r.recipient) + strlen(r.request) > n)
      abort();
    s += n;
    len -= n;
  }
}

int LLVMFuzzerTestOneInput(uint8_t const *bytes, size_t len)
{
  static dns_type const types[] = {DNS_A, DNS_PTR, DNS_MX, DNS_TXT, DNS_AAAA};
  char *copy = malloc(len ? len : 1);

  if (!copy) abort();
  for (unsigned int i = 0; i < sizeof types / sizeof types[0]; i++) read_message(bytes, len, types[i]);
  if (len) memcpy(copy, bytes, len);
  read_questions(copy, len);
  free(copy);
  return 0;
}

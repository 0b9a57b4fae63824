#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <services/policy/spf/spf.h>

/*
 * The input's first three lines are the address, the sender and the HELO; every other line may be an answer
 * of the DNS: as a TXT record, or as names. Which line answers what depends on the name that is asked for, so
 * that the same name has the same answer. No evaluation asks for more than RFC 7208 lets it.
 */

#define LINES 64
#define QUESTIONS_MAX                                                                                        \
  130 /* 1, 10 terms of 1 and 10 names, the client's 11 names, 1 explanation; and some air */

extern int LLVMFuzzerTestOneInput(uint8_t const *bytes, size_t len);

typedef struct world_s world;
struct world_s
{
  char *lines[LINES];
  size_t lens[LINES];
  unsigned int n;
  uint32_t asked[QUESTIONS_MAX];
  unsigned int asked_n;
  int slow;
};

/* As many as an evaluation may hold at a time. */
typedef struct held_s held;
struct held_s
{
  dns_answer answer;
  dns_record records[12];
};

static uint32_t hash(char const *s, uint32_t h)
{
  for (; *s; s++) h = (h ^ (uint32_t)(*s | 32)) * 16777619;
  return h;
}

static int known(world *w, uint32_t h)
{
  for (unsigned int i = 0; i < w->asked_n; i++)
    if (w->asked[i] == h) return 1;
  if (w->asked_n == QUESTIONS_MAX) abort();
  w->asked[w->asked_n++] = h;
  return 0;
}

static dns_answer const *lookup(void *data, char const *name, dns_type type)
{
  static held ring[256];
  static unsigned int turn;
  static char const ips[2][16] = {"\1\2\3\4\5\6\7\10\1\2\3\4\5\6\7", "\1\2\3\5\5\6\7\10\1\2\3\4\5\6\7"};
  world *w = data;
  held *h = &ring[turn++ % 256];
  uint32_t k = hash(name, 2166136261u + type);
  dns_record *r = h->records;

  if (strlen(name) > DNS_NAME_MAX || !*name) abort();
  if (!known(w, k) && w->slow) return 0;
  h->answer = (dns_answer){DNS_FOUND, 0, h->records};
  if (k % 16 == 0 || !w->n) h->answer.status = k & 16 ? DNS_FAILED : DNS_NXDOMAIN;
  if (h->answer.status != DNS_FOUND) return &h->answer;
  for (unsigned int i = 0; i <= k / 16 % 11; i++, r++, h->answer.n++)
  {
    unsigned int line = (k / 176 + i) % w->n;
    *r = (dns_record){w->lines[line], w->lens[line]};
    if (type == DNS_A || type == DNS_AAAA) *r = (dns_record){ips[i & 1], type == DNS_A ? 4 : 16};
    if (type == DNS_TXT && i == 0 && k & 1) i = 10;
  }
  return &h->answer;
}

static spf_result run(world *w, spf_question const *q, spf_answer *a, int slow)
{
  spf_result r;

  w->asked_n = 0;
  w->slow = slow;
  while ((r = spf_check(q, a)) == SPF_PENDING)
    if (!slow) abort();
  for (char const *s = a->explanation; *s; s++)
    if (*s < 32 || *s > 126) abort();
  if (strlen(a->problem) >= SPF_WORDS_MAX || strlen(a->mechanism) >= SPF_WORDS_MAX) abort();
  return r;
}

int LLVMFuzzerTestOneInput(uint8_t const *bytes, size_t len)
{
  static world w;
  char *text = malloc(len + 1), *s, *end;
  unsigned char ip[16] = {1, 2, 3, 4, 5, 6, 7, 8};
  spf_question q = {.ip = ip, .sender = "", .helo = "", .receiver = "r.test", .lookup = &lookup, .world = &w};
  spf_answer at_once, in_turn;

  if (!text) abort();
  memcpy(text, bytes, len);
  text[len] = 0;
  s = text;
  end = text + len;
  w.n = 0;
  for (unsigned int i = 0; s <= end && w.n < LINES; i++)
  {
    char *newline = memchr(s, '\n', (size_t)(end - s));
    if (newline) *newline = 0;
    if (i == 0) q.ip_len = *s == '6' ? 16 : 4;
    if (i == 1) q.sender = s;
    if (i == 2) q.helo = s;
    if (i > 2)
    {
      w.lines[w.n] = s;
      w.lens[w.n++] = (size_t)((newline ? newline : end) - s);
    }
    s = newline ? newline + 1 : end + 1;
  }
  if (run(&w, &q, &at_once, 0) != run(&w, &q, &in_turn, 1)) abort();
  if (strcmp(at_once.explanation, in_turn.explanation) || strcmp(at_once.mechanism, in_turn.mechanism))
    abort();
  free(text);
  return 0;
}

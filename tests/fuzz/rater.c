#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <services/rater/engine.h>

/*
 * Any bytes as a rules file, then as lines of clients: up to the first empty line they are rules, which are
 * refused or written back the same; each line after that gets exactly one line, from 0, 1 or 2.
 */

extern int LLVMFuzzerTestOneInput(uint8_t const *bytes, size_t len);

/* A rule as rule_fmt writes it means the same when it is read again. */
static void write_back(rules const *r)
{
  stralloc line = STRALLOC_ZERO, again = STRALLOC_ZERO;

  for (unsigned int i = 0; i < r->n; i++)
  {
    rule const *one = genalloc_s(rule, &r->classes[i].rules);
    for (size_t n = genalloc_len(rule, &r->classes[i].rules); n; n--, one++)
    {
      char error[RULES_ERROR_MAX];
      rules other = {.n = 0};
      line.len = again.len = 0;
      if (rule_fmt(one, &line) < 0 || rules_add_to(&other, "x", line.s, line.len, error) < 0) abort();
      if (rule_fmt(genalloc_s(rule, &other.classes[0].rules), &again) < 0) abort();
      if (line.len != again.len || memcmp(line.s, again.s, line.len)) abort();
      rules_free(&other);
    }
  }
  stralloc_free(&line);
  stralloc_free(&again);
}

static void check_answer(stralloc const *out)
{
  if (out->len < 4 || out->s[0] < '0' || out->s[0] > '2' || out->s[1] != ' ') abort();
  if (memchr(out->s, '\n', out->len) != out->s + out->len - 1 || out->s[out->len - 2] != '\r') abort();
  if (memchr(out->s, 0, out->len)) abort();
}

static void answer(engine *e, char const *s, size_t n)
{
  stralloc out = STRALLOC_ZERO;
  asker who = {.may = 0};

  while (n)
  {
    char const *end = memchr(s, '\n', n);
    size_t len = end ? (size_t)(end - s) : n;
    out.len = 0;
    if (engine_answer(e, s, len, who, &out) < 0) abort();
    check_answer(&out);
    /* time passes, and another client asks */
    e->now += len * len * 10;
    who.may = who.may == ASKER_OWNER ? 0 : who.may + 1;
    s += len + !!end;
    n -= len + !!end;
  }
  stralloc_free(&out);
}

/* The same bytes as requests of the policy protocol. */
static void policy(engine *e, char const *bytes, size_t n)
{
  stralloc out = STRALLOC_ZERO, copy = STRALLOC_ZERO;
  policy_request r;
  size_t len;

  if (!stralloc_catb(&copy, bytes, n)) abort();
  for (char *s = copy.s; (len = policy_request_length(s, n)); s += len, n -= len)
  {
    out.len = 0;
    if (policy_request_read(&r, s, len) || engine_policy(e, &r, (asker){.may = ASKER_POLICY}, &out) < 0)
      continue;
    if (out.len < 10 || memcmp(out.s, "action=", 7) ||
        memmem(out.s, out.len, "\n\n", 2) != out.s + out.len - 2)
      abort();
  }
  stralloc_free(&out);
  stralloc_free(&copy);
}

static void ignore(char const *s, size_t n)
{
  if (memchr(s, '\n', n)) abort();
}

int LLVMFuzzerTestOneInput(uint8_t const *bytes, size_t len)
{
  engine e = ENGINE_ZERO;
  table_news news;
  stralloc errors = STRALLOC_ZERO;
  char const *s = (char const *)bytes;
  char const *gap = len ? memmem(s, len, "\n\n", 2) : 0;
  size_t n = gap ? (size_t)(gap - s) + 1 : len;
  rules *r = calloc(1, sizeof *r);

  if (!r || table_open(&e.table, 0, 64, &news) < 0) abort();
  /* a key of random bytes would make the same input run differently */
  memset(e.table.header->key, 7, sizeof e.table.header->key);
  if (!rules_parse(r, "rules", s, n, &errors) && errors.len) abort();
  write_back(r);
  engine_rules(&e, r);
  e.log = &ignore;
  e.now = e.started = 1000;
  if (gap) answer(&e, gap + 2, len - n - 1);
  if (gap) policy(&e, gap + 2, len - n - 1);
  engine_free(&e);
  stralloc_free(&errors);
  return 0;
}

#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/types.h>

#include <runlib/policyrequest.h>

#include "rules-internal.h"

#define BLOCK_MOST (52ull * 604800000) /* ms */

static int name_ok(word const *w)
{
  if (!w->n || w->n > CLASS_NAME_MAX || !isalnum((unsigned char)w->s[0])) return 0;
  for (size_t i = 0; i < w->n; i++)
    if (!isalnum((unsigned char)w->s[i]) && !strchr("._-", w->s[i])) return 0;
  return 1;
}

/* The rule of c that takes every value that one would, or 0. */
static rule const *hidden_by(class const *c, rule const *one)
{
  rule const *r = genalloc_s(rule, &c->rules);

  for (size_t n = genalloc_len(rule, &c->rules); n; n--, r++)
    if (r->any || (r->len == one->len && !memcmp(r->pattern, one->pattern, r->len)) ||
        (r->family && r->family == one->family && r->bits <= one->bits && net_has(r->net, r->bits, one->net)))
      return r;
  return 0;
}

static int add_asker(class *c, word const *w, char *error)
{
  char name[64];
  struct passwd const *pw;
  uint32_t uid;

  if (!w->n || w->n >= sizeof name)
    return rules_wrong(error, "askers: `%.*s` is no user", word_shown(w), w->s);
  if (c->n_askers == CLASS_ASKERS) return rules_wrong(error, "askers: more than %u users", CLASS_ASKERS);
  memcpy(name, w->s, w->n);
  name[w->n] = 0;
  if (uint320_scan(name, &uid))
    c->askers[c->n_askers++] = uid;
  else if ((pw = getpwnam(name)))
    c->askers[c->n_askers++] = pw->pw_uid;
  else
    return rules_wrong(error, "askers: there is no user %s", name);
  return 0;
}

/* `askers=USER,...` as the only word: names of users, or numbers. */
static int add_askers(class *c, char const *s, size_t n, char *error)
{
  word w = {.s = s};

  for (size_t i = 0; i <= n; i++)
  {
    if (i < n && s[i] != ',') continue;
    w.n = (size_t)(s + i - w.s);
    if (add_asker(c, &w, error) < 0) return -1;
    w.s = s + i + 1;
  }
  return 0;
}

static int copy_word(char *to, size_t size, word const *w)
{
  if (!w->n || w->n >= size) return -1;
  memcpy(to, w->s, w->n);
  to[w->n] = 0;
  return 0;
}

/* Behind `policy=`: STATE VALUE [QUANTITY]. */
static int add_ask(class *c, char const *s, size_t n, char *error)
{
  static char const states[] = " CONNECT HELO EHLO MAIL RCPT DATA END-OF-MESSAGE ";
  policy_request any;
  policy_ask *a = &c->asks[c->n_asks];
  char padded[sizeof a->state + 2];
  word w;

  if (c->n_asks == CLASS_ASKS)
    return rules_wrong(error, "policy: more than %u of them in a class", CLASS_ASKS);
  word_next(&s, &n, &w);
  if (copy_word(a->state, sizeof a->state, &w) < 0 ||
      (snprintf(padded, sizeof padded, " %s ", a->state), !strstr(states, padded)))
    return rules_wrong(error, "policy: `%.*s` is none of%s(in capitals)", word_shown(&w), w.s, states);
  if (!word_next(&s, &n, &w)) return rules_wrong(error, "policy: the value that is counted is missing");
  if (!policy_request_value(&any, w.s, w.n) || copy_word(a->value, sizeof a->value, &w) < 0)
    return rules_wrong(error,
                       "policy: `%.*s` is no value to count (write sasl_username, client_address, sender)",
                       word_shown(&w), w.s);
  a->quantity[0] = 0;
  if (word_next(&s, &n, &w))
  {
    if (!word_is(&w, "recipient_count") && !word_is(&w, "size"))
      return rules_wrong(error, "policy: `%.*s` is neither recipient_count nor size", word_shown(&w), w.s);
    copy_word(a->quantity, sizeof a->quantity, &w);
  }
  if (word_next(&s, &n, &w)) return rules_wrong(error, "policy: `%.*s` is too much", word_shown(&w), w.s);
  c->n_asks++;
  return 0;
}

/* Behind `block=`: TIME [TIME]. */
static int add_block(class *c, char const *s, size_t n, char *error)
{
  uint64_t first, most;
  word w;

  if (!word_next(&s, &n, &w) || span_scan(&w, &first) < 0 || first < 1000 || first > BLOCK_MOST)
    return rules_wrong(error, "block: `%.*s` is not a TIME of 1s to 52w", word_shown(&w), w.s);
  most = first;
  if (word_next(&s, &n, &w) && (span_scan(&w, &most) < 0 || most < first || most > BLOCK_MOST))
    return rules_wrong(error, "block: `%.*s` is not a TIME from the first to 52w", word_shown(&w), w.s);
  if (word_next(&s, &n, &w)) return rules_wrong(error, "block: `%.*s` is too much", word_shown(&w), w.s);
  c->block_first = (uint32_t)(first / 1000);
  c->block_most = (uint32_t)(most / 1000);
  return 0;
}

static class *make_class(rules *r, word const *name)
{
  class *c = rules_class(r, name->s, name->n);

  if (c) return c;
  c = &r->classes[r->n++];
  memset(c, 0, sizeof *c);
  memcpy(c->name, name->s, name->n);
  c->len = name->n;
  c->board = -1;
  return c;
}

static int append_rule(rules *r, class *c, rule *one, char *error)
{
  rule const *above = hidden_by(c, one);

  if (above)
  {
    rules_wrong(error, "pattern: `%s` can never match: `%s` above it takes all of it (put it above that)",
                one->pattern, above->pattern);
    free(one->pattern);
    return errno = EINVAL, -1;
  }
  if (!genalloc_append(rule, &c->rules, one))
  {
    free(one->pattern);
    return -1;
  }
  if (one->family) c->nets = 1;
  r->total++;
  return 0;
}

static int is_limit(word const *w)
{
  return w->n && (memchr(w->s, '/', w->n) || word_is(w, "unlimited"));
}

static int add_rule(rules *r, word const *name, char const *s, size_t n, char *error)
{
  static struct
  {
    char const *name;
    int (*add)(class *c, char const *s, size_t n, char *error);
  } const of_class[] = {{"askers=", &add_askers}, {"policy=", &add_ask}, {"block=", &add_block}};
  rule one = {.pattern = 0};
  char const *rest = s;
  size_t left = n;
  word first, second = {.n = 0};

  if (memchr(s, 0, n) || !name_ok(name))
    return rules_wrong(error, "class: `%.*s` is not a name of 1 to %u letters, digits, `.`, `_` or `-`",
                       word_shown(name), name->s, CLASS_NAME_MAX);
  if (!rules_class(r, name->s, name->n) && r->n == RULES_CLASSES)
    return rules_wrong(error, "more than %u classes", RULES_CLASSES);
  word_next(&rest, &left, &first);
  word_next(&rest, &left, &second);
  if (word_is(&first, "window") && !second.n)
  {
    make_class(r, name)->window = 1;
    return 0;
  }
  for (unsigned int i = 0; i < 3 && !is_limit(&second); i++)
  {
    size_t len = strlen(of_class[i].name);
    if (first.n >= len && !memcmp(first.s, of_class[i].name, len))
      return of_class[i].add(make_class(r, name), first.s + len, (size_t)(s + n - first.s) - len, error);
  }
  if (r->total == RULES_MAX) return rules_wrong(error, "more than %u rules", RULES_MAX);
  if (rule_scan(s, n, &one, error) < 0) return -1;
  return append_rule(r, make_class(r, name), &one, error);
}

int rules_add_to(rules *r, char const *name, char const *s, size_t n, char *error)
{
  word w = {.s = name, .n = strlen(name)};
  return add_rule(r, &w, s, n, error);
}

int rules_add(rules *r, char const *s, size_t n, char *error)
{
  word name;

  if (!word_next(&s, &n, &name) || name.s[0] == '#') return 0;
  return add_rule(r, &name, s, n, error);
}

static int say(stralloc *errors, char const *file, unsigned int line, char const *error)
{
  char fmt[UINT_FMT];
  size_t n = uint_fmt(fmt, line);

  return stralloc_cats(errors, file) && stralloc_catb(errors, ":", 1) && stralloc_catb(errors, fmt, n) &&
         stralloc_cats(errors, ": ") && stralloc_cats(errors, error) && stralloc_catb(errors, "\n", 1);
}

int rules_parse(rules *r, char const *file, char const *s, size_t n, stralloc *errors)
{
  char error[RULES_ERROR_MAX];
  int result = 0;

  for (unsigned int line = 1; n; line++)
  {
    char const *end = memchr(s, '\n', n);
    size_t len = end ? (size_t)(end - s) : n;

    if (rules_add(r, s, len, error) < 0)
    {
      if (errno != EINVAL || !say(errors, file, line, error)) return -1;
      result = -1;
    }
    s += len + !!end;
    n -= len + !!end;
  }
  if (result < 0) errno = EINVAL;
  return result;
}

void rules_free(rules *r)
{
  for (unsigned int i = 0; i < r->n; i++)
  {
    rule *one = genalloc_s(rule, &r->classes[i].rules);
    for (size_t n = genalloc_len(rule, &r->classes[i].rules); n; n--, one++) free(one->pattern);
    genalloc_free(rule, &r->classes[i].rules);
  }
  r->n = 0;
  r->total = 0;
}

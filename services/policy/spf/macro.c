#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "spf-internal.h"

#define PARTS 128 /* that a value is split into; a domain has no more, and of other values the last remain */

static char const delimiters[] = ".-+,/_=";

/* "%{" letter *digit ["r"] *delimiter "}", or "%%", "%_", "%-" */
typedef struct macro_s macro;
struct macro_s
{
  char letter; /* '%', '_', '-' or a lower-case letter */
  int escape;  /* it was a capital */
  unsigned int keep;
  int reverse;
  char const *split;
  size_t split_len;
};

/* Reads the macro at s, which begins with `%`. Returns its length; 0: it is none. */
static size_t macro_scan(char const *s, size_t len, int explanation, macro *m)
{
  size_t n = 3;

  if (len < 2) return 0;
  memset(m, 0, sizeof *m);
  m->letter = s[1];
  if (s[1] == '%' || s[1] == '_' || s[1] == '-') return 2;
  if (len < 4 || s[1] != '{') return 0;
  m->escape = s[2] >= 'A' && s[2] <= 'Z';
  m->letter = (char)(s[2] | 32);
  if (!s[2] || !strchr(explanation ? "slodiphvcrt" : "slodiphv", m->letter) || s[2] == ' ') return 0;
  for (; n < len && s[n] >= '0' && s[n] <= '9'; n++)
  {
    m->keep = m->keep * 10 + (unsigned int)(s[n] - '0');
    if (m->keep > PARTS) m->keep = PARTS;
  }
  if (n > 3 && !m->keep) return 0;
  if (n < len && (s[n] | 32) == 'r')
  {
    m->reverse = 1;
    n++;
  }
  m->split = s + n;
  while (n < len && s[n] && strchr(delimiters, s[n])) n++;
  m->split_len = (size_t)(s + n - m->split);
  return n < len && s[n] == '}' ? n + 1 : 0;
}

int spf_macro_valid(char const *s, size_t n, int explanation)
{
  macro m;

  for (size_t i = 0, step; i < n; i += step)
  {
    step = 1;
    if (s[i] == '%' && !(step = macro_scan(s + i, n - i, explanation, &m))) return 0;
    if (s[i] < (explanation ? 32 : 33) || s[i] > 126) return 0;
  }
  return 1;
}

static int is_alnum(char c)
{
  return ((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= '0' && c <= '9');
}

/* toplabel = ( *alphanum ALPHA *alphanum ) / ( 1*alphanum "-" *( alphanum / "-" ) alphanum ) */
static int toplabel_valid(char const *s, size_t n)
{
  int digits = 1;

  if (!n || s[0] == '-' || s[n - 1] == '-') return 0;
  for (size_t i = 0; i < n; i++)
  {
    if (!is_alnum(s[i]) && s[i] != '-') return 0;
    if (s[i] < '0' || s[i] > '9') digits = 0;
  }
  return !digits;
}

int spf_spec_valid(char const *s, size_t n)
{
  size_t literal = 0; /* where what follows the last macro begins */
  size_t dot;
  macro m;

  if (!n || !spf_macro_valid(s, n, 0)) return 0;
  for (size_t i = 0; i < n;)
    if (s[i] == '%')
      literal = i += macro_scan(s + i, n - i, 0, &m);
    else
      i++;
  if (literal == n) return 1;
  if (s[n - 1] == '.') n--;
  for (dot = n; dot > literal && s[dot - 1] != '.';) dot--;
  return dot > literal && toplabel_valid(s + dot, n - dot);
}

/*
 * What is expanded so far. Of what is too long only the end is kept: from a name labels are lost at its left
 * (RFC 7208, 7.3).
 */
typedef struct text_s text;
struct text_s
{
  char *s;
  size_t len, max;
  int lost;
};

static void text_add(text *t, char const *s, size_t n)
{
  if (n > t->max)
  {
    t->lost = 1;
    s += n - t->max;
    n = t->max;
  }
  if (t->len + n > t->max)
  {
    size_t drop = t->len + n - t->max;
    t->lost = 1;
    t->len -= drop;
    memmove(t->s, t->s + drop, t->len);
  }
  memcpy(t->s + t->len, s, n);
  t->len += n;
}

static void text_add_escaped(text *t, char const *s, size_t n)
{
  static char const hex[] = "0123456789ABCDEF";

  for (; n; n--, s++)
  {
    unsigned char c = (unsigned char)*s;
    char code[3] = {'%', hex[c >> 4], hex[c & 15]};
    if (is_alnum(*s) || (c && strchr("-._~", c)))
      text_add(t, s, 1);
    else
      text_add(t, code, 3);
  }
}

/* Takes the domain itself, else a name below it, else any (RFC 7208, 7.3). */
typedef struct best_s best;
struct best_s
{
  char const *domain, *name;
};

static int best_name(void *data, char const *name)
{
  best *b = data;
  int within = spf_name_within(name, b->domain);

  if (!b->name || (within && !spf_name_within(b->name, b->domain))) b->name = name;
  if (within && strlen(name) == strlen(b->domain)) b->name = name;
  return 0;
}

/*
 * What a letter stands for, in value (SPF_SENDER_MAX + DNS_NAME_MAX + 2 bytes). Returns its length; -1: not
 * known yet.
 */
static long letter_value(spf_run *run, char const *domain, char letter, char *value)
{
  size_t room = SPF_SENDER_MAX + DNS_NAME_MAX + 2;
  best b = {domain, 0};
  char const *s = "unknown";
  int n;

  switch (letter)
  {
    case 's': n = snprintf(value, room, "%.*s@%s", (int)run->local_len, run->local, run->origin); break;
    case 'l': n = snprintf(value, room, "%.*s", (int)run->local_len, run->local); break;
    case 'i': return (long)spf_ip_dotted(run, value);
    case 't': n = snprintf(value, room, "%llu", (unsigned long long)run->q->now); break;
    case 'c':
      inet_ntop(run->ip_len == 4 ? AF_INET : AF_INET6, run->ip, value, (socklen_t)room);
      return (long)strlen(value);
    case 'p':
      if (spf_client_names(run, &best_name, &b, 0) < 0) return -1;
      if (b.name) s = b.name;
      n = snprintf(value, room, "%s", s);
      break;
    case 'o': s = run->origin; goto text;
    case 'd': s = domain; goto text;
    case 'h': s = run->q->helo; goto text;
    case 'v': s = run->ip_len == 4 ? "in-addr" : "ip6"; goto text;
    case 'r':
      if (run->q->receiver) s = run->q->receiver;
      /* fall through */
    default:
    text:
      n = snprintf(value, room, "%s", s);
  }
  return n < (int)room ? n : (int)room - 1;
}

/* Adds the value: split, reversed, the last parts of it, joined by dots. */
static void add_value(text *t, macro const *m, char const *value, size_t len)
{
  struct
  {
    size_t at, len;
  } parts[PARTS];
  char const *split = m->split_len ? m->split : ".";
  size_t split_len = m->split_len ? m->split_len : 1;
  unsigned int n = 0, total = 0;

  for (size_t from = 0, i = 0; i <= len; i++)
  {
    if (i < len && !memchr(split, value[i], split_len)) continue;
    /* a ring: what is kept are the last, or, reversed, the first */
    if (!m->reverse || total < PARTS)
    {
      parts[total % PARTS].at = from;
      parts[total % PARTS].len = i - from;
      total++;
    }
    from = i + 1;
  }
  n = total < PARTS ? total : PARTS;
  if (m->keep && m->keep < n) n = m->keep;
  for (unsigned int i = 0; i < n; i++)
  {
    unsigned int k = (m->reverse ? n - 1 - i : total - n + i) % PARTS;
    if (i) text_add(t, ".", 1);
    if (m->escape)
      text_add_escaped(t, value + parts[k].at, parts[k].len);
    else
      text_add(t, value + parts[k].at, parts[k].len);
  }
}

static int expand(spf_run *run, char const *domain, char const *s, size_t len, int explanation, text *t)
{
  char value[SPF_SENDER_MAX + DNS_NAME_MAX + 2];
  macro m;

  for (size_t i = 0, step; i < len; i += step)
  {
    long n;
    step = 1;
    if (s[i] != '%')
    {
      text_add(t, s + i, 1);
      continue;
    }
    step = macro_scan(s + i, len - i, explanation, &m);
    if (m.letter == '%' || m.letter == '_' || m.letter == '-')
      text_add(t, m.letter == '-' ? "%20" : m.letter == '_' ? " " : "%", m.letter == '-' ? 3 : 1);
    else if ((n = letter_value(run, domain, m.letter, value)) < 0)
      return -1;
    else
      add_value(t, &m, value, (size_t)n);
  }
  return 0;
}

int spf_expand_name(spf_run *run, char const *domain, char const *spec, size_t len, char *name)
{
  char buffer[2 * DNS_NAME_MAX];
  text t = {buffer, 0, sizeof buffer, 0};
  size_t from = 0;

  if (!len)
  {
    strcpy(name, domain);
    return 1;
  }
  if (expand(run, domain, spec, len, 0, &t) < 0) return -1;
  if (t.len && buffer[t.len - 1] == '.') t.len--;
  while (from < t.len && (t.lost || t.len - from > DNS_NAME_MAX))
  {
    while (from < t.len && buffer[from] != '.') from++;
    from++;
    t.lost = 0;
  }
  if (from >= t.len || memchr(buffer + from, 0, t.len - from)) return 0;
  memcpy(name, buffer + from, t.len - from);
  name[t.len - from] = 0;
  return dns_name_valid(name);
}

int spf_expand_explanation(spf_run *run, char const *domain, char const *s, size_t len)
{
  char *to = run->answer->explanation;
  text t = {to, 0, SPF_EXPLANATION_MAX - 1, 0};

  *to = 0;
  if (!spf_macro_valid(s, len, 1)) return 0;
  if (expand(run, domain, s, len, 1, &t) < 0)
  {
    *to = 0;
    return -1;
  }
  to[t.len] = 0;
  for (size_t i = 0; i < t.len; i++)
    if (to[i] < 32 || to[i] > 126) t.lost = 1;
  if (t.lost) *to = 0;
  return !t.lost;
}

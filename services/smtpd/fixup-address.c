#include <string.h>

#include "fixup-internal.h"

/* How far a mailbox has been read (RFC 5322 sections 3.4 and 4.4). */
typedef enum reading_e
{
  EMPTY,
  LOCAL,     /* word, or word.word */
  LOCAL_DOT, /* word. */
  AT,        /* local@ */
  DOMAIN,    /* local@atom: one atom yet, and no dot */
  QUALIFIED, /* local@a.b, local@[literal] */
  ROUTE,     /* <@host,@host: */
  PHRASE     /* several words: a name, no address */
} reading;

typedef struct list_s list;
struct list_s
{
  char const *s;
  size_t len;
  char const *domain;
  stralloc *out;
  size_t copied; /* of s, to out */
  reading reading;
  size_t end; /* of the last word of the mailbox */
  int angle;  /* 1: within < >, 2: after */
  int group;  /* within name: ; */
};

static int is_atom(char c)
{
  return c && !strchr(" \t\n\r()<>[]:;@,.\"", c);
}

/* Each returns where the thing that begins at i ends; 0: it does not. */
static size_t skip_quoted(list const *l, size_t i, char close)
{
  for (i++; i < l->len; i++)
  {
    if (l->s[i] == '\\')
      i++;
    else if (l->s[i] == close)
      return i + 1;
  }
  return 0;
}

static size_t skip_comment(list const *l, size_t i)
{
  unsigned int depth = 0;

  for (; i < l->len; i++)
  {
    if (l->s[i] == '\\')
      i++;
    else if (l->s[i] == '(')
      depth++;
    else if (l->s[i] == ')' && !--depth)
      return i + 1;
  }
  return 0;
}

/* A backslash quotes one character in an atom too (obsolete); it cannot quote the end of a line. */
static size_t skip_atom(list const *l, size_t i)
{
  for (; i < l->len && (is_atom(l->s[i]) || !l->s[i]); i++)
    if (l->s[i] == '\\' && (++i == l->len || l->s[i] == '\n')) return 0;
  return i;
}

static int insert(list *l, char const *before)
{
  if (!stralloc_catb(l->out, l->s + l->copied, l->end - l->copied) || !stralloc_cats(l->out, before) ||
      !stralloc_cats(l->out, l->domain))
    return -1;
  l->copied = l->end;
  return 0;
}

/* The mailbox is over. */
static int complete(list *l)
{
  reading r = l->reading;

  l->reading = EMPTY;
  if (r == LOCAL) return insert(l, "@");
  return r == DOMAIN ? insert(l, ".") : 0;
}

static void word(list *l, size_t end)
{
  static unsigned char const next[] = {
      [EMPTY] = LOCAL,   [LOCAL] = PHRASE,        [LOCAL_DOT] = LOCAL, [AT] = DOMAIN,
      [DOMAIN] = PHRASE, [QUALIFIED] = QUALIFIED, [ROUTE] = ROUTE,     [PHRASE] = PHRASE};

  if (l->angle == 2) return;
  l->reading = next[l->reading];
  l->end = end;
}

static void dot(list *l)
{
  static unsigned char const next[] = {
      [EMPTY] = PHRASE,     [LOCAL] = LOCAL_DOT,     [LOCAL_DOT] = PHRASE, [AT] = QUALIFIED,
      [DOMAIN] = QUALIFIED, [QUALIFIED] = QUALIFIED, [ROUTE] = ROUTE,      [PHRASE] = PHRASE};

  if (l->angle != 2) l->reading = next[l->reading];
}

/* The rest return 0; 1 for a fault in the list; -1 for ENOMEM. */
static int at(list *l)
{
  if (l->angle == 2) return 1;
  if (l->reading == LOCAL || l->reading == LOCAL_DOT)
    l->reading = AT;
  else if (l->reading == EMPTY && l->angle)
    l->reading = ROUTE;
  else if (l->reading != ROUTE)
    return 1;
  return 0;
}

static int colon(list *l)
{
  if (l->angle == 1)
  {
    if (l->reading != ROUTE) return 1;
    l->reading = EMPTY;
    return 0;
  }
  if (l->angle || l->group || (l->reading != LOCAL && l->reading != LOCAL_DOT && l->reading != PHRASE))
    return 1;
  l->group = 1;
  l->reading = EMPTY;
  return 0;
}

static int separator(list *l, char c)
{
  if (l->angle == 1) return c == ',' && l->reading == ROUTE ? 0 : 1;
  l->angle = 0;
  if (c == ';') l->group = 0;
  return complete(l);
}

static int angle(list *l, char c)
{
  if (c == '<')
  {
    if (l->angle ||
        (l->reading != EMPTY && l->reading != LOCAL && l->reading != LOCAL_DOT && l->reading != PHRASE))
      return 1;
    l->angle = 1;
    l->reading = EMPTY;
    return 0;
  }
  if (l->angle != 1) return 1;
  l->angle = 2;
  return complete(l);
}

/* Reads one thing at *i and moves on. */
static int step(list *l, size_t *i)
{
  char c = l->s[*i];
  size_t end;

  switch (c)
  {
    case ' ':
    case '\t':
    case '\r':
    case '\n': ++*i; return 0;
    case '(': return (*i = skip_comment(l, *i)) ? 0 : 1;
    case '"':
    case '[':
      end = skip_quoted(l, *i, c == '"' ? '"' : ']');
      if (!end || (c == '[' && l->reading != AT && l->reading != ROUTE && l->reading != PHRASE)) return 1;
      word(l, end);
      if (c == '[' && l->reading == DOMAIN) l->reading = QUALIFIED;
      *i = end;
      return 0;
    case '.': ++*i; return dot(l), 0;
    case '@': ++*i; return at(l);
    case ':': ++*i; return colon(l);
    case ',':
    case ';': ++*i; return separator(l, c);
    case '<':
    case '>': ++*i; return angle(l, c);
    case ')':
    case ']': return 1;
    default:
      end = skip_atom(l, *i);
      if (end) word(l, *i = end);
      return end ? 0 : 1;
  }
}

int fixup_addresses(stralloc *out, char const *s, size_t len, char const *domain)
{
  list l = {.s = s, .len = len, .domain = domain, .out = out, .reading = EMPTY};
  size_t i = 0;
  int result = 0;

  while (i < len && !result) result = step(&l, &i);
  if (!result && l.angle != 1) result = complete(&l);
  if (result < 0) return -1;
  return stralloc_catb(out, s + l.copied, len - l.copied) ? 0 : -1;
}

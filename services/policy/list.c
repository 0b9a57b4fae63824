#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include <skalibs/djbunix.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include <runlib/nets.h>
#include <runlib/samefile.h>

#include "list.h"

typedef struct source_s source;
struct source_s
{
  char *path; /* 0: entries of the configuration */
  struct stat seen;
  stralloc text;  /* words in lower case, each with a NUL */
  genalloc words; /* of char const *, sorted */
  nets nets;
};

static void source_clear(source *s)
{
  stralloc_free(&s->text);
  genalloc_free(char const *, &s->words);
  nets_free(&s->nets);
}

void list_free(list *l)
{
  source *s = genalloc_s(source, &l->sources);

  for (size_t n = genalloc_len(source, &l->sources); n; n--, s++)
  {
    source_clear(s);
    free(s->path);
  }
  genalloc_free(source, &l->sources);
}

static int by_word(void const *a, void const *b)
{
  return strcmp(*(char const *const *)a, *(char const *const *)b);
}

static char const *source_add(source *s, list_kind kind, char const *word, size_t len)
{
  char text[512];
  net n;

  if (len >= sizeof text) return "longer than such a thing can be";
  for (size_t i = 0; i < len; i++)
    text[i] = (char)(word[i] >= 'A' && word[i] <= 'Z' ? word[i] | 32 : word[i]);
  text[len] = 0;
  if (kind == LIST_ADDRESS)
  {
    if (!nets_scan(text, &n)) return "not an address (write 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32)";
    return nets_add(&s->nets, &n) < 0 ? "out of memory" : 0;
  }
  if (kind != LIST_RDNS && !strchr(text, '@'))
    return "no mail address (write joe@example.org or @example.org)";
  return stralloc_catb(&s->text, text, len + 1) ? 0 : "out of memory";
}

/* Words are pointed at once the text does not move any more. */
static int source_sort(source *s)
{
  genalloc_setlen(char const *, &s->words, 0);
  for (size_t i = 0; i < s->text.len; i += strlen(s->text.s + i) + 1)
  {
    char const *word = s->text.s + i;
    if (!genalloc_append(char const *, &s->words, &word)) return -1;
  }
  if (s->words.len) qsort(s->words.s, genalloc_len(char const *, &s->words), sizeof(char const *), &by_word);
  nets_sort(&s->nets);
  return 0;
}

static void source_say(source const *s, unsigned int line, char const *wrong)
{
  char fmt[UINT_FMT];

  fmt[uint_fmt(fmt, line)] = 0;
  strerr_warnw(s->path, ":", fmt, ": ", wrong, ": the line is passed over");
}

static void source_lines(source *s, list_kind kind, char const *text, size_t len)
{
  unsigned int line = 1;

  for (size_t n; len; line++, text += n, len -= n)
  {
    char const *end = memchr(text, '\n', len), *wrong, *hash;
    size_t word;
    n = end ? (size_t)(end - text) + 1 : len;
    word = end ? n - 1 : n;
    hash = memchr(text, '#', word);
    if (hash) word = (size_t)(hash - text);
    while (word && (text[word - 1] == ' ' || text[word - 1] == '\t' || text[word - 1] == '\r')) word--;
    if (!word) continue;
    wrong = memchr(text, 0, word) ? "a NUL byte" : source_add(s, kind, text, word);
    if (wrong) source_say(s, line, wrong);
  }
}

/*
 * Reads the file if it is another than the last time. Returns 0, or -1 and errno; then the old entries
 * remain.
 */
static int source_read(source *s, list_kind kind)
{
  source fresh = {.path = s->path};
  stralloc text = STRALLOC_ZERO;

  if (stat(s->path, &fresh.seen) < 0) return -1;
  if (samefile(&fresh.seen, &s->seen)) return 0;
  if (!openreadfileclose(s->path, &text, LIST_FILE_MAX)) return -1;
  source_lines(&fresh, kind, text.s, text.len);
  stralloc_free(&text);
  if (source_sort(&fresh) < 0)
  {
    source_clear(&fresh);
    return -1;
  }
  source_clear(s);
  *s = fresh;
  return 0;
}

char const *list_add(list *l, char const *value)
{
  static source const none = {.path = 0};
  source *s, fresh = none;
  char const *wrong;

  if (!genalloc_len(source, &l->sources) && !genalloc_append(source, &l->sources, &none))
    return "out of memory";
  if (*value == '/')
  {
    fresh.path = strdup(value);
    return fresh.path && genalloc_append(source, &l->sources, &fresh) ? 0 : "out of memory";
  }
  s = genalloc_s(source, &l->sources);
  wrong = source_add(s, l->kind, value, strlen(value));
  return wrong ? wrong : source_sort(s) < 0 ? "out of memory" : 0;
}

void list_refresh(list *l)
{
  source *s = genalloc_s(source, &l->sources);

  for (size_t n = genalloc_len(source, &l->sources); n; n--, s++)
    if (s->path && source_read(s, l->kind) < 0 && s->seen.st_nlink != (nlink_t)-1)
    {
      strerr_warnwusys("read ", s->path);
      s->seen.st_nlink = (nlink_t)-1; /* it was said */
    }
}

int list_has_address(list const *l, unsigned char const *ip)
{
  source const *s = genalloc_s(source, &l->sources);

  for (size_t n = genalloc_len(source, &l->sources); n; n--, s++)
    if (nets_find(&s->nets, ip, 0)) return 1;
  return 0;
}

static int has_word(list const *l, char const *word)
{
  source const *s = genalloc_s(source, &l->sources);

  for (size_t n = genalloc_len(source, &l->sources); n; n--, s++)
    if (s->words.len &&
        bsearch(&word, s->words.s, genalloc_len(char const *, &s->words), sizeof word, &by_word))
      return 1;
  return 0;
}

/* Copies in lower case; 0: it is too long for any entry. */
static int lower(char *to, size_t room, char const *s)
{
  size_t n = strlen(s);

  if (n >= room) return 0;
  for (size_t i = 0; i <= n; i++) to[i] = (char)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] | 32 : s[i]);
  return 1;
}

int list_has_name(list const *l, char const *name)
{
  char text[512];

  if (!l->sources.len || !lower(text, sizeof text, name)) return 0;
  if (has_word(l, text)) return 1;
  for (char const *dot = strchr(text, '.'); dot; dot = strchr(dot + 1, '.'))
    if (has_word(l, dot)) return 1;
  return 0;
}

int list_has_mail(list const *l, char const *address)
{
  char text[512], *at;

  if (!l->sources.len || !lower(text, sizeof text, address)) return 0;
  if (has_word(l, text)) return 1;
  at = strrchr(text, '@');
  if (!at) return 0;
  for (;;)
  {
    char *dot;
    *at = '@';
    if (has_word(l, at)) return 1;
    dot = strchr(at + 1, '.');
    if (!dot) return 0;
    at = dot;
  }
}

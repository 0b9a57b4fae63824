#include <string.h>
#include <strings.h>

#include <runlib/entries.h>

/* A line of the text, taken to pieces. All are parts of the text. */
typedef struct entry_line_s entry_line;
struct entry_line_s
{
  char const *s;
  size_t len;       /* without the newline */
  char const *name; /* of the entry that the line belongs to; 0: none */
  size_t namelen;
  size_t body; /* where the words begin */
  size_t end;  /* where they end: the line's end, or a comment */
  int first;   /* of its entry */
};

static int entry_blank(char c)
{
  return c == ' ' || c == '\t' || c == '\r' || c == ',';
}

static int entry_same(char const *s, size_t len, char const *word)
{
  return strlen(word) == len && !strncasecmp(s, word, len);
}

/* Reads the line at *pos and moves on. x is the one before. Returns 0 at the end. */
static int entry_line_next(char const *text, size_t len, size_t *pos, entry_line *x)
{
  char const *newline, *mark, *colon;

  if (*pos >= len) return 0;
  x->s = text + *pos;
  newline = memchr(x->s, '\n', len - *pos);
  x->len = newline ? (size_t)(newline - x->s) : len - *pos;
  *pos += x->len + 1;
  mark = memchr(x->s, '#', x->len);
  x->end = mark ? (size_t)(mark - x->s) : x->len;
  x->first = 0;
  for (x->body = 0; x->body < x->end && entry_blank(x->s[x->body]);) x->body++;
  if (x->body || !x->end) return 1; /* it goes on with its entry, or is a comment, or empty */
  colon = memchr(x->s, ':', x->end);
  x->name = colon ? x->s : 0;
  if (!colon) return 1;
  x->first = 1;
  x->body = (size_t)(colon + 1 - x->s);
  for (x->namelen = x->body - 1; x->namelen && entry_blank(x->s[x->namelen - 1]);) x->namelen--;
  return 1;
}

static int entry_word_next(entry_line const *x, size_t *pos, char const **word, size_t *n)
{
  while (*pos < x->end && entry_blank(x->s[*pos])) ++*pos;
  *word = x->s + *pos;
  /* A command goes on to the line's end. */
  for (*n = 0; *pos < x->end && (**word == '|' || !entry_blank(x->s[*pos])); ++*pos) ++*n;
  while (*n && entry_blank((*word)[*n - 1])) --*n;
  return *n > 0;
}

static int entry_of(entry_line const *x, char const *name)
{
  return x->name && (!name || entry_same(x->name, x->namelen, name));
}

int entries_each(char const *text, size_t len, char const *name, entries_word *f, void *data)
{
  entry_line x = {.s = 0};
  size_t pos = 0;

  while (entry_line_next(text, len, &pos, &x))
  {
    size_t at = x.body, n;
    char const *word;
    int r = 0;
    while (entry_of(&x, name) && !r && entry_word_next(&x, &at, &word, &n))
      r = f(data, x.name, x.namelen, word, n);
    if (r) return r;
  }
  return 0;
}

static int entry_is(void *data, char const *name, size_t namelen, char const *word, size_t len)
{
  (void)name;
  (void)namelen;
  return entry_same(word, len, data);
}

static int entry_copy(stralloc *out, char const *s, size_t len)
{
  return stralloc_catb(out, s, len) && stralloc_catb(out, "\n", 1) ? 0 : -1;
}

/* --- adding ---------------------------------------------------------------------------------------- */

/* Appends the words that the entry has not yet, each behind `between` or, at first, `before`. Returns how many. */
static int entry_put_new(stralloc *out, char const *text, size_t len, char const *name,
                         char const *const *words, char const *before)
{
  int n = 0;

  for (char const *const *w = words; *w; w++)
  {
    char const *const *twice = words;
    while (twice < w && strcasecmp(*twice, *w)) twice++;
    if (twice < w || entries_each(text, len, name, &entry_is, (void *)*w)) continue;
    if (!stralloc_cats(out, n ? ", " : before) || !stralloc_cats(out, *w)) return -1;
    n++;
  }
  return n;
}

int entries_add(stralloc *out, char const *text, size_t len, char const *name, char const *const *words)
{
  entry_line x = {.s = 0};
  size_t pos = 0, end;
  int n = -1;

  while (entry_line_next(text, len, &pos, &x))
  {
    char const *rest = x.s;
    size_t left = x.len;
    if (n < 0 && x.first && entry_of(&x, name))
    {
      for (end = x.end; end > x.body && entry_blank(x.s[end - 1]);) end--;
      if (!stralloc_catb(out, x.s, end)) return -1;
      if (memchr(x.s, '|', end)) /* a line of its own, before which the rest of this one comes */
      {
        if (entry_copy(out, x.s + end, x.len - end) < 0) return -1;
        n = entry_put_new(out, text, len, name, words, "  ");
        if (n < 0 || (n && !stralloc_cats(out, "\n"))) return -1;
        continue;
      }
      n = entry_put_new(out, text, len, name, words, end > x.body ? ", " : " ");
      if (n < 0) return -1;
      rest += end;
      left -= end;
    }
    if (entry_copy(out, rest, left) < 0) return -1;
  }
  if (n >= 0) return n;
  if (!stralloc_cats(out, name) || !stralloc_cats(out, ":")) return -1;
  n = entry_put_new(out, text, len, name, words, " ");
  return n < 0 || !stralloc_cats(out, "\n") ? -1 : n;
}

/* --- removing -------------------------------------------------------------------------------------- */

/* Whether the entry that begins at x, the rest of which is at pos, keeps a word. */
static int entry_keeps(char const *text, size_t len, size_t pos, entry_line x, char const *word)
{
  do
  {
    size_t at = x.body, n;
    char const *w;
    while (entry_word_next(&x, &at, &w, &n))
      if (word && !entry_same(w, n, word)) return 1;
  } while (entry_line_next(text, len, &pos, &x) && !x.first && x.name);
  return 0;
}

/* The line without the word: as it is if it has it not. Returns how many are gone. */
static int entry_strip(stralloc *out, entry_line const *x, char const *word)
{
  size_t at = x->body, n, was = out->len;
  int gone = 0, kept = 0;
  char const *w;

  if (!stralloc_catb(out, x->s, x->body)) return -1;
  while (entry_word_next(x, &at, &w, &n))
  {
    if (entry_same(w, n, word))
    {
      gone++;
      continue;
    }
    if (!stralloc_cats(out, kept ? ", " : x->first ? " " : "") || !stralloc_catb(out, w, n)) return -1;
    kept++;
  }
  if (!gone || (!kept && !x->first && x->end == x->len))
  {
    out->len = was;
    return gone || entry_copy(out, x->s, x->len) == 0 ? gone : -1;
  }
  if (x->end < x->len && !stralloc_cats(out, "  ")) return -1;
  return entry_copy(out, x->s + x->end, x->len - x->end) < 0 ? -1 : gone;
}

int entries_remove(stralloc *out, char const *text, size_t len, char const *name, char const *word)
{
  entry_line x = {.s = 0};
  size_t pos = 0;
  int gone = 0, all = 0, r = 0;

  while (r >= 0 && entry_line_next(text, len, &pos, &x))
  {
    if (x.first) all = entry_of(&x, name) && !entry_keeps(text, len, pos, x, word);
    gone += x.first && all;
    r = 0;
    if (all && x.name && (x.first || x.body < x.end)) continue;
    if (entry_of(&x, name) && word && x.body < x.end)
      r = entry_strip(out, &x, word);
    else
      r = entry_copy(out, x.s, x.len);
    gone += r;
  }
  return r < 0 ? -1 : gone;
}

/* --- lists ----------------------------------------------------------------------------------------- */

/* Copies the lines that are not the word. Returns how many are. */
int entries_list_remove(stralloc *out, char const *text, size_t len, char const *word)
{
  entry_line x = {.s = 0};
  size_t pos = 0;
  int n = 0;

  while (entry_line_next(text, len, &pos, &x))
  {
    size_t end = x.end;
    while (end && entry_blank(x.s[end - 1])) end--;
    if (end && entry_same(x.s, end, word))
      n++;
    else if (entry_copy(out, x.s, x.len) < 0)
      return -1;
  }
  return n;
}

int entries_list_add(stralloc *out, char const *text, size_t len, char const *word)
{
  int n = entries_list_remove(out, text, len, word);

  if (n < 0) return -1;
  out->len = 0;
  if (!stralloc_catb(out, text, len) || (len && text[len - 1] != '\n' && !stralloc_cats(out, "\n")))
    return -1;
  return n ? 0 : entry_copy(out, word, strlen(word)) < 0 ? -1 : 1;
}

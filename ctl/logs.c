#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/direntry.h>
#include <skalibs/djbunix.h>
#include <skalibs/genalloc.h>

#include <runlib/utf8.h>

#include <ctl/logs.h>
#include <ctl/words.h>

static int by_name(void const *a, void const *b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The log's files, oldest first, as paths. */
static int list(genalloc *files, char const *dir)
{
  DIR *d = opendir(dir);
  direntry *e;
  int result = 0;

  if (!d) return -1;
  while (!result && (e = readdir(d)))
  {
    stralloc sa = STRALLOC_ZERO;
    if (e->d_name[0] != '@' && strcmp(e->d_name, "current")) continue;
    if (!stralloc_cats(&sa, dir) || !stralloc_cats(&sa, "/") || !stralloc_cats(&sa, e->d_name) ||
        !stralloc_0(&sa) || !genalloc_append(char *, files, &sa.s))
      result = -1;
  }
  dir_close(d);
  /* @ sorts before c: current comes last. */
  qsort(genalloc_s(char *, files), genalloc_len(char *, files), sizeof(char *), &by_name);
  return result;
}

static void free_list(genalloc *files)
{
  for (size_t i = 0; i < genalloc_len(char *, files); i++) free(genalloc_s(char *, files)[i]);
  genalloc_free(char *, files);
}

/* Where the last n lines of s begin. */
static size_t last_lines(char const *s, size_t len, size_t *n)
{
  size_t at = len;

  while (at && *n)
  {
    at--;
    while (at && s[at - 1] != '\n') at--;
    --*n;
  }
  return at;
}

/* Drops the lines before since from the front. Lines without a stamp go with the line before. */
static size_t skip_old(char const *s, size_t len, tain const *since)
{
  size_t at = 0;

  while (at < len)
  {
    char stamp[TIMESTAMP + 1];
    char const *end = memchr(s + at, '\n', len - at);
    tain t;
    if (len - at > TIMESTAMP)
    {
      memcpy(stamp, s + at, TIMESTAMP);
      stamp[TIMESTAMP] = 0;
      if (timestamp_scan(stamp, &t) && !tain_less(&t, since)) return at;
    }
    if (!end) return len;
    at = (size_t)(end - s) + 1;
  }
  return at;
}

int logs_tail(stralloc *sa, char const *dir, size_t n, tain const *since)
{
  genalloc files = GENALLOC_ZERO;
  size_t base = sa->len;
  int result = list(&files, dir);

  for (size_t i = genalloc_len(char *, &files); i && n && !result; i--)
  {
    stralloc bytes = STRALLOC_ZERO;
    if (openslurpclose(&bytes, genalloc_s(char *, &files)[i - 1]))
    {
      size_t at = last_lines(bytes.s, bytes.len, &n);
      if (!stralloc_insertb(sa, base, bytes.s + at, bytes.len - at)) result = -1;
    }
    stralloc_free(&bytes);
  }
  free_list(&files);
  if (!result && since)
  {
    size_t skip = skip_old(sa->s + base, sa->len - base, since);
    memmove(sa->s + base, sa->s + base + skip, sa->len - base - skip);
    sa->len -= skip;
  }
  return result;
}

static int human_line(stralloc *sa, char const *s, size_t len)
{
  char stamp[TIMESTAMP + 1];
  char words[WORDS_MAX];
  tain t;

  if (len > TIMESTAMP)
  {
    memcpy(stamp, s, TIMESTAMP);
    stamp[TIMESTAMP] = 0;
    if (timestamp_scan(stamp, &t) == TIMESTAMP)
    {
      if (!stralloc_cats(sa, words_time(words, &t))) return -1;
      s += TIMESTAMP;
      len -= TIMESTAMP;
    }
  }
  /* A log may hold a stranger's bytes: none of them reaches the terminal as a command. */
  for (size_t n; len; s += n, len -= n)
  {
    unsigned int u = '\t';
    n = *s == '\t' ? 1 : utf8_scan(&u, s, len);
    if (!(u == '?' ? stralloc_catb(sa, "?", 1) : stralloc_catb(sa, s, n))) return -1;
  }
  return stralloc_catb(sa, "\n", 1) ? 0 : -1;
}

int logs_human(stralloc *sa, char const *lines, size_t len, char const *indent)
{
  while (len)
  {
    char const *end = memchr(lines, '\n', len);
    size_t n = end ? (size_t)(end - lines) : len;
    if (!stralloc_cats(sa, indent) || human_line(sa, lines, n) < 0) return -1;
    n += end != 0;
    lines += n;
    len -= n;
  }
  return 0;
}

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <skalibs/stralloc.h>

#include <runlib/block.h>
#include <runlib/walk.h>

static char *next(char **line)
{
  char *word = *line + strspn(*line, " \t");

  *line = word + strcspn(word, " \t");
  if (**line) *(*line)++ = 0;
  return word;
}

/* `2026-11-28T15:40:00Z`; mktime's own range is no matter: years have four digits. */
static int scan_time(char const *s, uint64_t *t)
{
  struct tm tm = {.tm_sec = 0};
  int n = 0;

  if (!strcmp(s, "-")) return *t = NET_EVER, 1;
  if (strlen(s) != BLOCK_TIME - 4 ||
      sscanf(s, "%4d-%2d-%2dT%2d:%2d:%2dZ%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
             &tm.tm_sec, &n) != 6 ||
      n != BLOCK_TIME - 4 || tm.tm_year < 1970)
    return 0;
  tm.tm_year -= 1900;
  tm.tm_mon--;
  *t = (uint64_t)timegm(&tm);
  return 1;
}

int block_scan(char *line, block *b)
{
  char *network = next(&line), *what = next(&line), *until = next(&line);

  if (!*network || *network == '#') return 0;
  b->pass = !strcmp(what, "pass");
  b->reason = line + strspn(line, " \t");
  if ((!b->pass && strcmp(what, "block")) || !nets_scan(network, &b->net)) return -1;
  return scan_time(until, &b->net.until) ? 1 : -1;
}

int block_read(char const *file, void (*each)(void *, block const *, unsigned int), void *data)
{
  stralloc text = STRALLOC_ZERO;
  ssize_t n =
      stralloc_ready(&text, BLOCK_FILE_MAX + 1) ? walk_read(AT_FDCWD, file, text.s, BLOCK_FILE_MAX) : -1;
  char *line = text.s, *end;

  if (n < 0)
  {
    stralloc_free(&text);
    return errno == ENOENT ? 0 : -1;
  }
  for (unsigned int number = 1; line < text.s + n; line = end + 1, number++)
  {
    block one;
    int r;
    end = memchr(line, '\n', (size_t)(text.s + n - line));
    if (!end) end = text.s + n;
    *end = 0;
    r = block_scan(line, &one);
    if (r) (*each)(data, r > 0 ? &one : 0, number);
  }
  stralloc_free(&text);
  return 0;
}

void block_time(char *s, uint64_t t)
{
  time_t seconds = (time_t)t;
  struct tm tm;

  strcpy(s, "-");
  if (t != NET_EVER && gmtime_r(&seconds, &tm)) strftime(s, BLOCK_TIME, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

#include <limits.h>
#include <string.h>

#include <ctl/conf/suggest.h>

#define WORD_MAX 63

static unsigned int least(unsigned int a, unsigned int b)
{
  return a < b ? a : b;
}

unsigned int suggest_distance(char const *a, char const *b)
{
  size_t m = strlen(a), n = strlen(b);
  unsigned int rows[3][WORD_MAX + 1]; /* the row before the last, the last, this one: by i modulo 3 */

  if (m > WORD_MAX || n > WORD_MAX) return UINT_MAX;
  for (unsigned int j = 0; j <= n; j++) rows[0][j] = j;
  for (unsigned int i = 1; i <= m; i++)
  {
    unsigned int *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
    now[0] = i;
    for (unsigned int j = 1; j <= n; j++)
    {
      now[j] = least(least(last[j], now[j - 1]) + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        now[j] = least(now[j], before[j - 2] + 1);
    }
  }
  return rows[m % 3][n];
}

void suggest_start(suggest *s, char const *word)
{
  size_t len = strlen(word);

  s->word = word;
  s->best = 0;
  s->distance = 1 + (len < 3 ? 1 : len < 6 ? 2 : 3);
}

void suggest_try(suggest *s, char const *candidate)
{
  size_t len = strlen(s->word);
  unsigned int d = suggest_distance(s->word, candidate);

  /* Who writes "ready" for "ready-timeout" has made no typing error, and is told all the same. */
  if (len >= 3 && !strncmp(s->word, candidate, len) && d > 1) d = 1;
  if (d >= s->distance) return;
  s->distance = d;
  s->best = candidate;
}

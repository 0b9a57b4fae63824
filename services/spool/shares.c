#include <services/spool/shares.h>

void shares_begin(shares *s)
{
  s->n = 0;
}

/* Where a source is, or is to be; the last place is that of all who find none. */
static unsigned int place(shares const *s, uint64_t source)
{
  unsigned int i = 0;

  while (i < s->n && i < SHARES_SOURCES - 1 && s->of[i].source != source) i++;
  return i;
}

int shares_gone(shares const *s, uint64_t source)
{
  unsigned int i = place(s, source);
  return i < s->n && s->of[i].spent >= SHARE;
}

void shares_take(shares *s, uint64_t source, uint64_t bytes)
{
  unsigned int i = place(s, source);

  if (i == s->n)
  {
    s->of[i].source = source;
    s->of[i].spent = 0;
    s->n++;
  }
  s->of[i].spent += bytes < SHARE_FILE ? SHARE_FILE : bytes;
}

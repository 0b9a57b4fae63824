#include <errno.h>
#include <string.h>

#include <runlib/mailbox.h>

#include "body.h"

/* Each byte becomes two at most, and two may wait from before. */
int body_put(body *b, stralloc *out, char const *s, size_t n)
{
  char *to;

  if (!stralloc_readyplus(out, 2 * n + 2)) return -1;
  to = out->s + out->len;
  for (char const *end = s + n; s < end; s++)
  {
    if (b->cr && *s != '\n')
    {
      *to++ = ' ';
      b->within = 1;
    }
    b->cr = *s == '\r';
    if (b->cr) continue;
    if (*s == '\n') *to++ = '\r';
    if (*s == '.' && !b->within) *to++ = '.';
    *to++ = *s;
    b->within = *s != '\n';
  }
  out->len = (size_t)(to - out->s);
  return 0;
}

int body_end(body *b, stralloc *out)
{
  if ((b->within || b->cr) && body_put(b, out, "\n", 1) < 0) return -1;
  return stralloc_catb(out, ".\r\n", 3) ? 0 : -1;
}

int path_put(stralloc *out, char const *address)
{
  char const *at = strrchr(address, '@');
  size_t n = at ? (size_t)(at - address) : strlen(address);

  for (char const *s = address; *s; s++)
    if ((unsigned char)*s < ' ' || *s == 127) return (errno = EINVAL, -1);
  if (at && (!at[1] || at[1 + strcspn(at + 1, " <>\"\\")])) return (errno = EINVAL, -1);
  if (!stralloc_catb(out, "<", 1) || (*address && mailbox_local(out, address, n) < 0)) return -1;
  return (!at || stralloc_cats(out, at)) && stralloc_catb(out, ">", 1) ? 0 : -1;
}

int eight_bit(char const *s, size_t n)
{
  unsigned char all = 0;

  for (size_t i = 0; i < n; i++) all |= (unsigned char)s[i];
  return all > 127;
}

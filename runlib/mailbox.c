#include <string.h>

#include <runlib/mailbox.h>

static int control(char c)
{
  return (unsigned char)c < ' ' || c == 127;
}

static int is_dot_atom(char const *s, size_t len)
{
  for (size_t i = 0; i < len; i++)
  {
    if (s[i] == '.' && (!i || i == len - 1 || s[i - 1] == '.')) return 0;
    if (control(s[i]) || strchr(" ()<>[]:;@\\,\"", s[i])) return 0;
  }
  return len > 0;
}

int mailbox_local(stralloc *sa, char const *s, size_t len)
{
  if (is_dot_atom(s, len)) return stralloc_catb(sa, s, len) ? 0 : -1;
  if (!stralloc_readyplus(sa, 2 * len + 2)) return -1;
  sa->s[sa->len++] = '"';
  for (; len; s++, len--)
  {
    if (*s == '"' || *s == '\\') sa->s[sa->len++] = '\\';
    sa->s[sa->len++] = control(*s) ? '?' : *s;
  }
  sa->s[sa->len++] = '"';
  return 0;
}

int mailbox_address(stralloc *sa, char const *address)
{
  char const *at = strrchr(address, '@');
  size_t len = at ? (size_t)(at - address) : strlen(address);

  if (!*address) return 0;
  if (mailbox_local(sa, address, len) < 0) return -1;
  if (!at) return 0;
  len = strlen(at);
  if (!stralloc_readyplus(sa, len)) return -1;
  sa->s[sa->len++] = *at++;
  for (; *at; at++) sa->s[sa->len++] = control(*at) || strchr(" ()<>@\\,;\"", *at) ? '?' : *at;
  return 0;
}

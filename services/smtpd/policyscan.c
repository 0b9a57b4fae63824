#include <string.h>

#include <skalibs/types.h>

#include <runlib/address.h>

#include "policy.h"

#define TIMEOUT 10000u
#define MOST    100000u

static int is(char const *word, size_t n, char const *what)
{
  return strlen(what) == n && !memcmp(word, what, n);
}

static char const *scan_address(char const *word, size_t n, policy_server *p)
{
  address a;

  if (n >= sizeof p->address) return "the address is too long";
  memcpy(p->address, word, n);
  if (!strncmp(p->address, "unix:/", 6)) return 0;
  if (strncmp(p->address, "inet:", 5)) return "needs an address, unix:/PATH or inet:ADDRESS:PORT";
  return address_scan(p->address + 5, &a) || !a.family || !a.port
             ? "not an address and a port (write inet:127.0.0.1:10023)"
             : 0;
}

static int scan_stages(char const *s, size_t n, unsigned int *stages)
{
  static char const *const names[] = {"connect", "helo", "mail", "rcpt", "data", "end-of-message"};

  for (char const *end = s + n; s < end; s++)
  {
    char const *comma = memchr(s, ',', (size_t)(end - s));
    size_t len = (size_t)((comma ? comma : end) - s);
    unsigned int i = 0;
    while (i < 6 && !is(s, len, names[i])) i++;
    if (i == 6) return 0;
    *stages |= 1u << i;
    s += len;
  }
  return 1;
}

static int scan_timeout(char const *s, size_t n, unsigned int *ms)
{
  unsigned int u;
  size_t len = n && n < UINT_FMT ? uint_scan(s, &u) : 0;

  if (!len || !u || u > MOST) return 0;
  if (len == n || is(s + len, n - len, "s"))
    *ms = u <= MOST / 1000 ? u * 1000 : MOST;
  else if (is(s + len, n - len, "ms"))
    *ms = u;
  else
    return 0;
  return 1;
}

char const *policy_scan(char const *text, policy_server *p)
{
  static policy_server const fresh = {.timeout = TIMEOUT};
  char const *wrong = 0;
  unsigned int words = 0;

  *p = fresh;
  for (text += strspn(text, " \t"); *text && !wrong; words++)
  {
    size_t n = strcspn(text, " \t");
    char const *word = text;
    text += n + strspn(text + n, " \t");
    if (!words)
      wrong = scan_address(word, n, p);
    else if (is(word, n, "tempfail"))
      p->closed = 1;
    else if (is(word, n, "open"))
      p->closed = 0;
    else if (is(word, n, "users"))
      p->users = 1;
    else if (is(word, n, "timeout"))
    {
      n = strcspn(text, " \t");
      if (!scan_timeout(text, n, &p->timeout)) wrong = "timeout needs 10s or 500ms, at most 100s";
      text += n + strspn(text + n, " \t");
    }
    else if (!scan_stages(word, n, &p->stages))
      wrong = "behind the address stand stages (connect,helo,mail,rcpt,data,end-of-message), timeout N, "
              "open, tempfail, "
              "users";
  }
  if (!p->stages) p->stages = POLICY_RCPT;
  return wrong ? wrong : words ? 0 : "needs an address, unix:/PATH or inet:ADDRESS:PORT";
}

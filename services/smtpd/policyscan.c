#include <string.h>

#include "policy.h"

#define TIMEOUT 10000u
#define MOST    100000u

static int scan_stages(char const *s, size_t n, unsigned int *stages)
{
  static char const *const names[] = {"connect", "helo", "mail", "rcpt", "data", "end-of-message"};

  for (char const *end = s + n; s < end; s++)
  {
    char const *comma = memchr(s, ',', (size_t)(end - s));
    size_t len = (size_t)((comma ? comma : end) - s);
    unsigned int i = 0;
    while (i < 6 && !server_is(s, len, names[i])) i++;
    if (i == 6) return 0;
    *stages |= 1u << i;
    s += len;
  }
  return 1;
}

char const *policy_scan(char const *text, policy_server *p)
{
  static policy_server const fresh = {.timeout = TIMEOUT};
  char const *word, *wrong;
  size_t n = server_word(&text, &word);

  *p = fresh;
  wrong = server_address(word, n, p->address);
  while (!wrong && (n = server_word(&text, &word)))
    if (server_is(word, n, "tempfail"))
      p->closed = 1;
    else if (server_is(word, n, "open"))
      p->closed = 0;
    else if (server_is(word, n, "users"))
      p->users = 1;
    else if (server_is(word, n, "hold"))
      p->hold = 1;
    else if (server_is(word, n, "timeout"))
    {
      n = server_word(&text, &word);
      if (!server_time(word, n, MOST, &p->timeout)) wrong = "timeout needs 10s or 500ms, at most 100s";
    }
    else if (!scan_stages(word, n, &p->stages))
      wrong = "behind the address stand stages (connect,helo,mail,rcpt,data,end-of-message), timeout N, "
              "open, tempfail, users, hold";
  if (!p->stages) p->stages = POLICY_RCPT;
  return wrong;
}

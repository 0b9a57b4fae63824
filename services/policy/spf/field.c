#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "spf-internal.h"

/* What a stranger chose may stand between quotes in a header field, and between the words of a comment. */
static void put_clean(char *to, size_t size, char const *s)
{
  size_t n = 0;

  for (; *s && n + 1 < size; s++) to[n++] = (char)(*s <= 32 || *s >= 127 || strchr("\"\\()", *s) ? '?' : *s);
  to[n] = 0;
}

static void ip_text(spf_question const *q, char *text)
{
  static unsigned char const mapped[12] = {[10] = 0xff, 0xff};
  int v4 = q->ip_len == 4 || !memcmp(q->ip, mapped, sizeof mapped);

  if (!inet_ntop(v4 ? AF_INET : AF_INET6, q->ip + (v4 ? q->ip_len - 4 : 0), text, INET6_ADDRSTRLEN))
    *text = 0;
}

/* The words are those of spfquery. */
void spf_comment(spf_question const *q, spf_answer const *a, char *s, size_t size)
{
  char const *at = strrchr(q->sender, '@');
  char d[DNS_NAME_MAX + 1], ip[INET6_ADDRSTRLEN];

  put_clean(d, sizeof d, !*q->sender ? q->helo : at ? at + 1 : q->sender);
  ip_text(q, ip);
  switch (a->result)
  {
    case SPF_NONE: snprintf(s, size, "domain of %s does not provide an SPF record", d); break;
    case SPF_NEUTRAL: snprintf(s, size, "%s is neither permitted nor denied by domain of %s", ip, d); break;
    case SPF_PASS: snprintf(s, size, "domain of %s designates %s as permitted sender", d, ip); break;
    case SPF_FAIL: snprintf(s, size, "domain of %s does not designate %s as permitted sender", d, ip); break;
    case SPF_SOFTFAIL:
      snprintf(s, size, "transitioning domain of %s does not designate %s as permitted sender", d, ip);
      break;
    case SPF_TEMPERROR: snprintf(s, size, "the DNS does not answer about domain of %s", d); break;
    case SPF_PERMERROR: snprintf(s, size, "domain of %s has a wrong SPF record", d); break;
    case SPF_PENDING: *s = 0;
  }
}

void spf_received(spf_question const *q, spf_answer const *a, char *s, size_t size)
{
  char comment[700], ip[INET6_ADDRSTRLEN], sender[SPF_SENDER_MAX], helo[DNS_NAME_MAX + 1],
      mechanism[SPF_WORDS_MAX];

  spf_comment(q, a, comment, sizeof comment);
  ip_text(q, ip);
  put_clean(sender, sizeof sender, q->sender);
  put_clean(helo, sizeof helo, q->helo);
  put_clean(mechanism, sizeof mechanism, a->mechanism);
  snprintf(s, size,
           "Received-SPF: %s (%s: %s) client-ip=%s; envelope-from=\"%s\"; helo=\"%s\"; receiver=%s; "
           "identity=%s%s%s%s",
           spf_result_name(a->result), q->receiver, comment, ip, sender, helo, q->receiver,
           *q->sender ? "mailfrom" : "helo", *mechanism ? "; mechanism=\"" : "", mechanism,
           *mechanism ? "\"" : "");
}

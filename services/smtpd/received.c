#include <stdio.h>
#include <string.h>

#include "session-internal.h"

#define DATE_MAX 64

char const *session_protocol(session const *s)
{
  static char const *const names[2][4] = {{"ESMTP", "ESMTPA", "ESMTPS", "ESMTPSA"},
                                          {"UTF8SMTP", "UTF8SMTPA", "UTF8SMTPS", "UTF8SMTPSA"}};

  if (!s->esmtp) return "SMTP";
  return names[s->utf8 != 0][(s->user.len != 0) + 2 * (s->tls != 0)]; /* RFC 3848, RFC 6531 */
}

/* As qmail: what could be taken for syntax becomes a question mark. Four of them fit into a line (RFC 5322, 2.1.1). */
static int put_safe(stralloc *sa, char const *s)
{
  static char const safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.@%+/=:-_[]";

  size_t most = 200;

  if (!stralloc_readyplus(sa, most)) return -1;
  for (; *s && most--; s++) sa->s[sa->len++] = strchr(safe, *s) ? *s : '?';
  return 0;
}

static int put_client(stralloc *sa, session const *s)
{
  session_config const *c = s->config;
  char const *who = s->user.len ? s->user.s : c->remoteinfo;

  if (!stralloc_cats(sa, "Received: from ") || put_safe(sa, c->remotehost) < 0) return -1;
  if (s->helo.len && strcasecmp(s->helo.s, c->remotehost))
    if (!stralloc_cats(sa, " (HELO ") || put_safe(sa, s->helo.s) < 0 || !stralloc_cats(sa, ")")) return -1;
  if (!stralloc_cats(sa, " (")) return -1;
  if (who && (put_safe(sa, who) < 0 || !stralloc_cats(sa, "@"))) return -1;
  return put_safe(sa, c->remoteip) == 0 && stralloc_cats(sa, ")\n  by ") ? 0 : -1;
}

/*
 * `; 14 Nov 2023 22:13:20 -0000`. gmtime_r would read the time zone's file in every session. The days count from
 * March 1st of the year 0, so that leap days come last.
 */
static size_t date_fmt(char s[DATE_MAX], uint64_t now)
{
  static char const months[] = "MarAprMayJunJulAugSepOctNovDecJanFeb";
  unsigned int seconds = (unsigned int)(now % 86400);
  uint64_t days = now / 86400 + 719468;
  unsigned int day = (unsigned int)(days % 146097); /* of 400 years */
  unsigned int year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
  unsigned int month;

  day -= 365 * year + year / 4 - year / 100;
  month = (5 * day + 2) / 153;
  return (size_t)snprintf(s, DATE_MAX, "; %u %.3s %u %02u:%02u:%02u -0000\n", day - (153 * month + 2) / 5 + 1,
                          months + 3 * month, year + (unsigned int)(days / 146097) * 400 + (month >= 10),
                          seconds / 3600, seconds / 60 % 60, seconds % 60);
}

int received_fmt(stralloc *sa, session const *s)
{
  char date[DATE_MAX];
  size_t n = date_fmt(date, s->operations->now(s->operations->host) / 1000000);

  if (!stralloc_ready(sa, 512) || put_client(sa, s) < 0 || put_safe(sa, s->config->local) < 0) return -1;
  if (!stralloc_cats(sa, " with ") || !stralloc_cats(sa, session_protocol(s))) return -1;
  if (s->tls && (!stralloc_cats(sa, " (") || !stralloc_cats(sa, s->tls_name.s) || !stralloc_cats(sa, ")")))
    return -1;
  return stralloc_catb(sa, date, n) ? 0 : -1;
}

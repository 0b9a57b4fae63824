#include <stdio.h>
#include <string.h>
#include <time.h>

#include "session-internal.h"

char const *session_protocol(session const *s)
{
  static char const *const names[2][4] = {{"ESMTP", "ESMTPA", "ESMTPS", "ESMTPSA"},
                                          {"UTF8SMTP", "UTF8SMTPA", "UTF8SMTPS", "UTF8SMTPSA"}};

  if (!s->esmtp) return "SMTP";
  return names[s->utf8 != 0][(s->user.len != 0) + 2 * (s->tls != 0)]; /* RFC 3848, RFC 6531 */
}

/* As qmail: what could be taken for syntax becomes a question mark. */
static int put_safe(stralloc *sa, char const *s)
{
  static char const safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.@%+/=:-_[]";

  if (!stralloc_readyplus(sa, strlen(s))) return -1;
  for (; *s; s++) sa->s[sa->len++] = strchr(safe, *s) ? *s : '?';
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

int received_fmt(stralloc *sa, session const *s)
{
  static char const months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  time_t now = (time_t)(s->effects->now(s->effects->world) / 1000000);
  struct tm tm;
  char date[64];

  gmtime_r(&now, &tm);
  snprintf(date, sizeof date, "; %d %.3s %d %02d:%02d:%02d -0000\n", tm.tm_mday, months + 3 * tm.tm_mon,
           tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
  if (put_client(sa, s) < 0 || put_safe(sa, s->config->local) < 0) return -1;
  if (!stralloc_cats(sa, " with ") || !stralloc_cats(sa, session_protocol(s))) return -1;
  if (s->tls && (!stralloc_cats(sa, " (") || !stralloc_cats(sa, s->tls_name.s) || !stralloc_cats(sa, ")")))
    return -1;
  return stralloc_cats(sa, date) ? 0 : -1;
}

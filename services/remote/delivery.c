#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include <runlib/dkimclient.h>

#include "body.h"
#include "delivery.h"
#include "session.h"
#include "sts.h"

void report_add(delivery *d, int letter, ...)
{
  char const first = (char)letter, *text;
  va_list texts;
  int done = stralloc_catb(&d->report, &first, 1);

  va_start(texts, letter);
  while (done && (text = va_arg(texts, char const *))) done = stralloc_cats(&d->report, text);
  va_end(texts);
  if (!done || !stralloc_0(&d->report)) strerr_diefusys(111, "report");
}

void report_only(delivery *d, char letter, char const *why)
{
  d->report.len = 0;
  report_add(d, letter, why, "\n", (char *)0);
}

/* --- before the first connection ----------------------------------------------------------------- */

static int measure(delivery *d)
{
  char s[65536];

  d->size = d->len + 2 * d->prefix.len;
  for (uint64_t done = 0; done < d->len;)
  {
    uint64_t left = d->len - done;
    ssize_t n = pread(d->message, s, left < sizeof s ? (size_t)left : sizeof s, (off_t)done);
    if (!n) errno = EIO;
    if (n <= 0) return -1;
    d->eight |= eight_bit(s, (size_t)n);
    for (char const *c = s; (c = memchr(c, '\n', (size_t)(s + n - c))); c++) d->size++;
    done += (uint64_t)n;
  }
  return 0;
}

/* Nothing goes out without the signatures that it should have. */
static int sign(delivery *d)
{
  if (!d->set->signer || dkim_ask(d->set->signer, d->message, d->len, &d->prefix) == 0) return 0;
  if (errno != EPROTO && d->set->unsigned_too) return 0;
  report_add(d, 'Z', "the message cannot be signed: ", errno == EPROTO ? d->prefix.s : strerror(errno),
             " (#4.7.0)\n", (char *)0);
  return -1;
}

static int has_eight(char const *s)
{
  return eight_bit(s, strlen(s));
}

/* Returns 0, or -1: no command can carry one of the addresses. */
static int check_addresses(delivery *d)
{
  stralloc sa = STRALLOC_ZERO;
  int result = *d->sender ? path_put(&sa, d->sender) : 0;

  d->utf8 = has_eight(d->sender);
  for (unsigned int i = 0; i < d->n && !result; i++)
  {
    d->utf8 |= has_eight(d->recipients[i]);
    result = path_put(&sa, d->recipients[i]);
  }
  stralloc_free(&sa);
  return result;
}

static int find_route(delivery *d)
{
  route r = {.relay = STRALLOC_ZERO, .port = 25};
  int found = route_find(&r, &d->set->routes, d->host);

  if (found > 0 && r.relay.len > sizeof d->relay) found = (errno = EINVAL, -1);
  if (found > 0)
  {
    memcpy(d->relay, r.relay.s, r.relay.len);
    d->port = r.port;
  }
  stralloc_free(&r.relay);
  return found < 0 ? -1 : 0;
}

/* A password goes only to a server whose certificate is verified, unless a rule for it says otherwise. */
static int find_level(delivery *d)
{
  char const *to = *d->relay ? d->relay : d->host;
  int found = 0;

  if (d->set->passwords && *d->relay)
    found = password_find(d->set->passwords, d->relay, &d->secret, &d->user, &d->password);
  if (found < 0)
  {
    report_only(d, 'Z',
                errno == EACCES ? "others may read the file with the passwords (#4.3.5)"
                                : "the file with the passwords cannot be read (#4.3.0)");
    return -1;
  }
  d->level = settings_tls(d->set, to, found ? TLS_VERIFY : TLS_MAY);
  if (!d->set->sts || *d->relay || d->level == TLS_NONE) return 0;
  found = sts_ask(d->set->sts, d->host, &d->patterns);
  if (found < 0) report_only(d, 'Z', "nobody could tell the domain's MTA-STS policy (#4.7.5)");
  d->enforced = found > 0;
  if (found > 0) d->level = TLS_VERIFY;
  return found < 0 ? -1 : 0;
}

int delivery_prepare(delivery *d)
{
  if (has_eight(d->host))
    report_only(d, 'D', "domain names outside of ASCII are not looked up (#5.1.2)");
  else if (check_addresses(d) < 0)
    report_only(d, 'D', "SMTP cannot carry one of the addresses (#5.1.3)");
  else if (sign(d) < 0)
    return -1;
  else if (measure(d) < 0)
    report_only(d, 'Z', "the message cannot be read (#4.3.0)");
  else if (find_route(d) < 0)
    report_only(d, 'Z', "smtproutes has a mistake in the domain's line (#4.3.5)");
  else
    return find_level(d);
  return -1;
}

/* --- delivery ------------------------------------------------------------------------------------ */

static void give_up(delivery *d)
{
  report_add(d, 'Z', "no mail exchanger did: ", d->tried.len ? d->tried.s : "",
             d->tried.len ? " (#4.4.1)\n" : "the MTA-STS policy allows none of them (#4.7.5)\n", (char *)0);
}

void delivery_run(delivery *d)
{
  static mx_list l;
  mx_state state = *d->relay ? mx_relay(&l, d->relay, d->port) : mx_find(&l, d->host, d->set->me.s);

  if (state != MX_FOUND)
  {
    report_only(d, state == MX_LATER ? 'Z' : 'D', l.why);
    return;
  }
  for (unsigned int i = 0; i < l.n; i++)
    if (!d->enforced || sts_allows(&d->patterns, l.target[i].host->name))
      if (session_run(d, l.target + i) == SESSION_DONE) return;
  if (d->tried.len && !stralloc_0(&d->tried)) strerr_diefusys(111, "report");
  give_up(d);
}

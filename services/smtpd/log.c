#include <stdio.h>
#include <string.h>

#include <runlib/utf8.h>

#include "session-internal.h"

/* The log: a line a message and a refusal, `event: key=value ...`, nothing secret in it. */

#define RECORD_VALUE 256   /* bytes that a value takes */
#define RECORD_MAX   16384 /* bytes of refusals and failed logins that a session may have written */
#define RECORD_RCPTS 8

static char const *const stages[] = {"connection", "helo", "mail", "rcpt", "data", "auth", "command"};

/* How many bytes at s may stand in the log as they are: a printable character, in UTF-8. */
static size_t printable(char const *s, size_t len)
{
  unsigned char c = (unsigned char)*s;
  size_t n;

  if (c < 127) return c >= 32 && c != '"' && c != '\\';
  n = utf8_length(s, len);
  if (n == 2 && c == 0xc2 && (unsigned char)s[1] < 0xa0)
    return 0; /* U+0080 to U+009F are control characters */
  return c == 127 ? 0 : n;
}

/* A client's bytes: what is not printable, and the two of also, becomes \xHH. */
static int put_escaped(stralloc *sa, char const *s, size_t len, char const *also)
{
  static char const hex[] = "0123456789abcdef";
  size_t end;

  if (!stralloc_readyplus(sa, RECORD_VALUE + 3)) return -1;
  end = sa->len + RECORD_VALUE;
  while (len)
  {
    size_t n = *s == also[0] || *s == also[1] ? 0 : printable(s, len);
    unsigned char c = (unsigned char)*s;
    char const escaped[] = {'\\', 'x', hex[c >> 4], hex[c & 15]};
    if (sa->len + (n ? n : sizeof escaped) > end) return stralloc_catb(sa, "...", 3) ? 0 : -1;
    if (n)
      for (len -= n; n; n--) sa->s[sa->len++] = *s++;
    else
    {
      stralloc_catb(sa, escaped, sizeof escaped);
      s++;
      len--;
    }
  }
  return 0;
}

static int put(stralloc *sa, char const *key, char const *value, size_t len)
{
  return stralloc_cats(sa, " ") && stralloc_cats(sa, key) && stralloc_cats(sa, "=") &&
                 put_escaped(sa, value, len, "  ") == 0
             ? 0
             : -1;
}

static int put_number(stralloc *sa, char const *key, unsigned long long n)
{
  char text[24];
  return put(sa, key, text, (size_t)snprintf(text, sizeof text, "%llu", n));
}

static int put_quoted(stralloc *sa, char const *key, char const *text, size_t len)
{
  return stralloc_cats(sa, " ") && stralloc_cats(sa, key) && stralloc_cats(sa, "=\"") &&
                 put_escaped(sa, text, len, "\"\\") == 0 && stralloc_cats(sa, "\"")
             ? 0
             : -1;
}

static int put_client(stralloc *sa, session const *s, char const *event)
{
  session_config const *c = s->config;

  if (!stralloc_ready(sa, 512) || !stralloc_cats(sa, event) ||
      put(sa, "client", c->remoteip, strlen(c->remoteip)) < 0)
    return -1;
  if (s->helo.len && put(sa, "helo", s->helo.s, s->helo.len) < 0) return -1;
  if (s->user.len && put(sa, "user", s->user.s, s->user.len) < 0) return -1;
  if (s->tls && put(sa, "tls", s->tls_name.s, strcspn(s->tls_name.s, " ")) < 0) return -1;
  return s->mail ? put(sa, "from", s->from.s, s->from.len) : 0;
}

static int put_recipients(stralloc *sa, session const *s)
{
  size_t at = 0;

  if (put_number(sa, "recipients", s->recipients) < 0 || !stralloc_cats(sa, " to=")) return -1;
  for (unsigned int i = 0; at < s->envelope.len && i < RECORD_RCPTS; i++)
  {
    char const *t = s->envelope.s + at;
    size_t n = strlen(t);
    if (i && !stralloc_catb(sa, ",", 1)) return -1;
    if (put_escaped(sa, t + 1, n - 1, " ,") < 0) return -1;
    at += n + 1;
  }
  return at < s->envelope.len && !stralloc_cats(sa, ",...") ? -1 : 0;
}

static int done(session *s, stralloc *sa, int ok)
{
  if (ok) s->operations->log(s->operations->host, sa->s, sa->len);
  stralloc_free(sa);
  return ok ? 0 : -1;
}

/* As done, for what a client can have as often as it likes: it could empty the log of everything else. */
static int done_cheap(session *s, stralloc *sa, int ok)
{
  /* Who has logged in has a name, and shares an address with others, perhaps. */
  if (ok && (s->recorded + sa->len > RECORD_MAX ||
             (!s->user.len && !s->operations->log_room(s->operations->host, sa->len, 0))))
  {
    s->unrecorded++;
    stralloc_free(sa);
    return 0;
  }
  s->recorded += sa->len;
  return done(s, sa, ok);
}

/* spamdyke's word for a refusal, for whoever counts its log; 0: it has none. Those of policyd come with its answers. */
static char const *spamdyke_code(char const *text, size_t len)
{
  static struct
  {
    char const *begin, *code;
  } const known[] = {
      {"554 5.5.1 you talked", "DENIED_EARLYTALKER"},
      {"553 5.7.1 sorry, that domain", "DENIED_RELAYING"},
      {"553 5.7.1 sorry, your envelope sender", "DENIED_SENDER_BLACKLISTED"},
      {"553 5.7.1 sorry, that recipient", "DENIED_RECIPIENT_BLACKLISTED"},
      {"550 5.1.1 ", "DENIED_INVALID_RECIPIENT"},
      {"452 4.5.3 ", "DENIED_TOO_MANY_RECIPIENTS"},
      {"530 ", "DENIED_AUTH_REQUIRED"},
      {"535 ", "FAILED_AUTH"},
  };

  for (unsigned int i = 0; i < sizeof known / sizeof known[0]; i++)
    if (len >= strlen(known[i].begin) && !memcmp(text, known[i].begin, strlen(known[i].begin)))
      return known[i].code;
  return 0;
}

int log_refusal(session *s, stage at, char const *text, size_t len)
{
  stralloc sa = STRALLOC_ZERO;
  char const *code = spamdyke_code(text, len);
  int ok = put_client(&sa, s, "refused:") == 0;

  if (ok && s->rcpt.len && at == STAGE_RCPT) ok = put(&sa, "to", s->rcpt.s, s->rcpt.len) == 0;
  if (ok && code) ok = put(&sa, "code", code, strlen(code)) == 0;
  return done_cheap(s, &sa,
                    ok && put(&sa, "stage", stages[at], strlen(stages[at])) == 0 &&
                        put_quoted(&sa, "reply", text, len) == 0);
}

int log_message(session *s, int code, char const *text, unsigned long id)
{
  stralloc sa = STRALLOC_ZERO;
  uint64_t took = s->operations->now(s->operations->host) - s->began;
  char seconds[32];
  size_t n = (size_t)snprintf(seconds, sizeof seconds, "%llu.%03llu", (unsigned long long)(took / 1000000),
                              (unsigned long long)(took / 1000 % 1000));

  return (code == 250 ? done : done_cheap)(
      s, &sa,
      put_client(&sa, s, code == 250 ? "accepted:" : "rejected:") == 0 && put_recipients(&sa, s) == 0 &&
          put_number(&sa, "size", s->data.size) == 0 && put_number(&sa, "queue", id) == 0 &&
          put_quoted(&sa, "reply", text, strlen(text)) == 0 && put(&sa, "seconds", seconds, n) == 0);
}

int log_event(session *s, char const *event, char const *key, char const *value)
{
  stralloc sa = STRALLOC_ZERO;
  return done_cheap(s, &sa,
                    put_client(&sa, s, event) == 0 && (!key || put(&sa, key, value, strlen(value)) == 0));
}

int record_milter(session *s, char const *event, unsigned int i, char const *reason)
{
  char const *address = s->config->milters[i].address;
  stralloc sa = STRALLOC_ZERO;

  return done_cheap(s, &sa,
                    put_client(&sa, s, event) == 0 && put(&sa, "milter", address, strlen(address)) == 0 &&
                        (!*reason || put_quoted(&sa, "reason", reason, strlen(reason)) == 0));
}

void session_over(session *s)
{
  stralloc sa = STRALLOC_ZERO;

  milter_quit(s);
  if (!s->unrecorded) return;
  (void)done(s, &sa,
             put_client(&sa, s, "left-out:") == 0 && put_number(&sa, "lines", s->unrecorded) == 0 &&
                 s->operations->log_room(s->operations->host, sa.len, 1));
  s->unrecorded = 0;
}

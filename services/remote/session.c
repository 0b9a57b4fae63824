#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <openssl/evp.h>
#include <skalibs/strerr.h>

#include "session.h"
#include "tls.h"

unsigned int session_wait(session const *s, unsigned int seconds)
{
  return seconds < s->d->set->reply_max ? seconds : s->d->set->reply_max;
}

unsigned int session_ask(session *s, char const *text, unsigned int seconds)
{
  s->c.out.len = 0;
  reply_clear(&s->r);
  if (!stralloc_cats(&s->c.out, text) || !stralloc_cats(&s->c.out, "\r\n")) return 0;
  return conn_reply(&s->c, &s->r, session_wait(s, seconds)) < 0 ? 0 : s->r.code;
}

static verdict note(session *s, char const *at, char const *why)
{
  stralloc *sa = &s->d->tried;

  if ((sa->len && !stralloc_cats(sa, "; ")) || !stralloc_cats(sa, s->ip) || !stralloc_cats(sa, " (") ||
      !stralloc_cats(sa, s->t->host->name) || !stralloc_cats(sa, ") ") || !stralloc_cats(sa, at) ||
      !stralloc_cats(sa, ": ") || !stralloc_cats(sa, why))
    strerr_diefusys(111, "remember a failure");
  return SESSION_NEXT;
}

verdict session_next(session *s, char const *at)
{
  char const *why = errno == EPIPE      ? "closed the connection"
                    : errno == EPROTO   ? "the answer is not SMTP's"
                    : errno == EMSGSIZE ? "the answer is too long"
                                        : strerror(errno);

  if (s->r.code) why = reply_said(&s->r);
  return note(s, at, why ? why : "");
}

/* Returns 1, or 0: the server did not do. */
static int hello(session *s)
{
  stralloc sa = STRALLOC_ZERO;
  unsigned int code = 0;

  if (stralloc_cats(&sa, "EHLO ") && stralloc_cats(&sa, s->d->set->helo.s) && stralloc_0(&sa))
    code = session_ask(s, sa.s, WAIT_COMMAND);
  if (code / 100 == 2)
    s->o = reply_offers(&s->r);
  else if (code / 100 == 5)
  {
    memcpy(sa.s, "HELO", 4);
    code = session_ask(s, sa.s, WAIT_COMMAND);
  }
  stralloc_free(&sa);
  return code / 100 == 2;
}

/* What is wanted of this server: DANE goes before what the level says, unless that is `none`. */
static tls_level level_of(session const *s, int clear)
{
  dane what = dane_of(s->t);

  if (clear || s->d->level == TLS_NONE) return TLS_NONE;
  return (what == DANE_USABLE || what == DANE_UNUSABLE) && s->d->level == TLS_MAY ? TLS_ENCRYPT : s->d->level;
}

static verdict secure(session *s, tls_level level)
{
  char const *why;

  if (!s->o.starttls || session_ask(s, "STARTTLS", WAIT_COMMAND) / 100 != 2)
  {
    if (level == TLS_MAY && (!s->o.starttls || s->r.code)) return SESSION_DONE;
    return s->o.starttls ? session_next(s, "at STARTTLS") : note(s, "at STARTTLS", "TLS is not offered");
  }
  if (conn_waits(&s->c)) return note(s, "at STARTTLS", "it goes on in the clear");
  if (tls_open(&s->c, s->t, level, session_wait(s, WAIT_COMMAND), &s->facts, &why) < 0)
    return level == TLS_MAY ? SESSION_CLEAR : note(s, "at the TLS handshake", why);
  /* What was offered before may have been anybody's (RFC 3207, 4.2). */
  memset(&s->o, 0, sizeof s->o);
  return hello(s) ? SESSION_DONE : session_next(s, "at EHLO after STARTTLS");
}

static int add_base64(stralloc *to, char const *s, size_t n)
{
  if (!stralloc_readyplus(to, (n + 2) / 3 * 4 + 1)) return -1;
  to->len += (size_t)EVP_EncodeBlock((unsigned char *)to->s + to->len, (unsigned char const *)s, (int)n);
  return stralloc_0(to) ? 0 : -1;
}

/* AUTH PLAIN (RFC 4616) in one command, else LOGIN in three. Returns the last code, or 0. */
static unsigned int log_in(session *s)
{
  stralloc clear = STRALLOC_ZERO, line = STRALLOC_ZERO;
  char const *user = s->d->user, *password = s->d->password;
  unsigned int code = 0;

  if (s->o.plain)
  {
    if (stralloc_0(&clear) && stralloc_cats(&clear, user) && stralloc_0(&clear) &&
        stralloc_cats(&clear, password) && stralloc_cats(&line, "AUTH PLAIN ") &&
        !add_base64(&line, clear.s, clear.len))
      code = session_ask(s, line.s, WAIT_COMMAND);
  }
  else if ((code = session_ask(s, "AUTH LOGIN", WAIT_COMMAND)) == 334 &&
           !add_base64(&line, user, strlen(user)) && (code = session_ask(s, line.s, WAIT_COMMAND)) == 334)
  {
    line.len = 0;
    code = add_base64(&line, password, strlen(password)) < 0 ? 0 : session_ask(s, line.s, WAIT_COMMAND);
  }
  stralloc_free(&clear);
  stralloc_free(&line);
  return code;
}

static verdict open_session(session *s, int clear)
{
  tls_level level = level_of(s, clear);
  verdict v = SESSION_DONE;

  if (conn_open(&s->c, s->t, s->d->port, s->d->set->connect_max) < 0)
    return session_next(s, "unable to connect");
  if (conn_reply(&s->c, &s->r, session_wait(s, WAIT_GREETING)) < 0 || s->r.code / 100 != 2)
    return session_next(s, "at the greeting");
  if (!hello(s)) return session_next(s, "at EHLO");
  if (level != TLS_NONE) v = secure(s, level);
  if (v != SESSION_DONE || !s->d->user) return v;
  if (!s->o.plain && !s->o.login) return note(s, "at AUTH", "neither PLAIN nor LOGIN is offered");
  return log_in(s) / 100 == 2 ? SESSION_DONE : session_next(s, "at AUTH");
}

/* The server need not be heard any more. */
static void quit(session *s)
{
  s->c.out.len = 0;
  if (stralloc_cats(&s->c.out, "QUIT\r\n")) (void)conn_flush(&s->c, 1);
}

static verdict one_session(delivery *d, target const *t, int clear)
{
  session s = {.d = d, .t = t, .c = CONN_ZERO, .r = REPLY_ZERO, .facts = STRALLOC_ZERO};
  verdict v;

  inet_ntop(t->family == 4 ? AF_INET : AF_INET6, t->ip, s.ip, sizeof s.ip);
  v = open_session(&s, clear);
  if (v == SESSION_DONE) v = transaction_run(&s);
  if (s.c.fd >= 0 && s.r.code) quit(&s);
  conn_close(&s.c);
  stralloc_free(&s.c.out);
  stralloc_free(&s.facts);
  reply_free(&s.r);
  return v;
}

verdict session_run(delivery *d, target const *t)
{
  session s = {.d = d, .t = t};
  verdict v;

  inet_ntop(t->family == 4 ? AF_INET : AF_INET6, t->ip, s.ip, sizeof s.ip);
  if (d->level != TLS_NONE && dane_of(t) == DANE_BROKEN)
    return note(&s, "not tried", "the DNS could not tell its certificate (TLSA)");
  v = one_session(d, t, 0);
  return v == SESSION_CLEAR ? one_session(d, t, 1) : v;
}

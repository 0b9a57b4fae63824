#ifndef SERVICES_SMTPD_SESSION_H
#define SERVICES_SMTPD_SESSION_H

#include <stddef.h>
#include <stdint.h>

#include <skalibs/stralloc.h>

#include "config.h"
#include "data.h"
#include "operations.h"
#include "fixup.h"
#include "spp.h"

/*
 * An SMTP session apart from its I/O: it is fed what the client sends and writes its replies to `out`.
 * What it wants done in the host goes through `operations`, so that a test or a fuzzer can be the host.
 */

typedef enum session_want_e
{
  SESSION_INPUT, /* everything was taken; send out, feed more */
  SESSION_FLUSH, /* send out, then feed the rest */
  SESSION_TLS,   /* send out, shake hands, then session_tls or session_no_tls */
  SESSION_CLOSE  /* send out and end */
} session_want;

typedef enum session_phase_e
{
  PHASE_COMMAND,
  PHASE_DATA,
  PHASE_AUTH /* a line of the AUTH exchange */
} session_phase;

#define DISCARD_POLICY 1
#define DISCARD_MILTER 2

/* What policy servers must know to tell one message from another, and what they made of it. */
typedef struct policy_state_s policy_state;
struct policy_state_s
{
  uint64_t began; /* the session, in microseconds */
  unsigned int transaction;
  uint64_t size;     /* as MAIL announced it */
  char const *helo;  /* while HELO is looked at */
  int discard;       /* the message is accepted, and goes nowhere: who wants it, 0: nobody */
  stralloc held;     /* why it is held, with a NUL; empty: it is not */
  stralloc redirect; /* the one recipient that it goes to instead, with a NUL; empty: none */
};

typedef struct session_s session;
struct session_s
{
  session_config const *config;
  operations const *operations;
  stralloc out;
  session_want want;
  /* the rest is the session's own */
  session_phase phase;
  stralloc line; /* the part of a command that came so far */
  int overlong;  /* the line is longer than it may be: dropped up to its end */
  int esmtp;
  int tls;
  int failed;   /* out of memory */
  size_t whole; /* of out: before the command at hand, whose reply may be there by halves */
  stralloc helo;
  stralloc tls_name; /* protocol and cipher */
  stralloc user;     /* who AUTH said; empty: nobody */
  int window_asked;
  int auth_state;
  stralloc auth_user;
  /* the transaction */
  int mail; /* MAIL was accepted */
  int barred;
  int utf8;
  int bit8;
  stralloc from;
  stralloc rcpt;     /* the one being looked at */
  stralloc envelope; /* T recipient NUL ... */
  void *seen;        /* the same recipients, a tree (tsearch) */
  unsigned int recipients;
  data data;
  fixup fixup; /* of a submission */
  stralloc fixed;
  char message_id[64];
  int too_big;
  uint64_t began;          /* microseconds */
  size_t recorded;         /* bytes of the log */
  unsigned int unrecorded; /* lines that were too many */
  unsigned int messages;
  /* since the last message that was accepted */
  unsigned int errors;
  unsigned int policy_refusals; /* for good, by policy servers */
  unsigned int idle;            /* commands but RCPT */
  unsigned int over;            /* recipients that were too many */
  size_t reply;                 /* where the last reply begins in out */
  char const *verb;
  spp spp;
  policy_state policy;
  struct filters_s *filters; /* 0: there are no milters */
};

/* The reply to whatever there is no memory for; want is SESSION_CLOSE then. */
#define SESSION_NO_MEMORY "421 4.3.0 out of memory"

extern void session_init(session *s, session_config const *config, operations const *e);
extern void session_free(session *s);
/* The connection is over: the log learns how many lines were left out, if any. */
extern void session_over(session *s);
/*
 * The greeting, or what a [connection] plugin says instead. early: the client talked before it. Without
 * memory for even a reply, out.s is 0.
 */
extern void session_start(session *s, int early);
/* Takes bytes from the client; returns how many. Look at want afterwards. */
extern size_t session_feed(session *s, char const *bytes, size_t len);
/* The handshake is over: all that was said before is forgotten (RFC 3207, 4.2). */
extern void session_tls(session *s, char const *protocol, char const *cipher, char const *sni);
/* TLS could not be had; the client has been told nothing. */
extern void session_no_tls(session *s);
/* The client was silent for too long, used up its time, or the service stops: says so and closes. */
extern void session_end(session *s, char const *reply);

#endif

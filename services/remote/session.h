#ifndef SERVICES_REMOTE_SESSION_H
#define SERVICES_REMOTE_SESSION_H

#include <netinet/in.h>

#include <services/remote/conn.h>
#include <services/remote/delivery.h>

/* One SMTP session with one server. */

typedef enum verdict_e
{
  SESSION_NEXT,  /* another server may do; tried has the reason */
  SESSION_CLEAR, /* TLS failed where it may: without, it may do */
  SESSION_DONE   /* the report is complete */
} verdict;

/* RFC 5321, 4.5.3.2; timeoutremote may shorten them. Seconds. */
#define WAIT_GREETING 300U
#define WAIT_COMMAND  300U
#define WAIT_DATA     120U
#define WAIT_BLOCK    180U
#define WAIT_DOT      600U

typedef struct session_s session;
struct session_s
{
  delivery *d;
  target const *t;
  conn c;
  reply r;
  offers o;
  stralloc facts; /* about TLS; empty: in the clear */
  char ip[INET6_ADDRSTRLEN];
};

extern verdict session_run(delivery *d, target const *t);

/* For the parts of a session: */

/* How long to wait, bounded by timeoutremote. */
extern unsigned int session_wait(session const *s, unsigned int seconds);
/* Sends text and reads the reply. Returns its code, or 0 and errno. */
extern unsigned int session_ask(session *s, char const *text, unsigned int seconds);
/* Notes that this server did not do: at what, and the last reply or errno. */
extern verdict session_next(session *s, char const *at);
/* The transaction: MAIL to the answer to the message. */
extern verdict transaction_run(session *s);

#endif

#ifndef SERVICES_SMTPD_SESSION_INTERNAL_H
#define SERVICES_SMTPD_SESSION_INTERNAL_H

#include "session.h"

/* What the files of the session share. Each command returns 0, or -1 for ENOMEM, which ends the session. */

typedef int command_function(session *s, char const *argument);

typedef enum stage_e
{
  STAGE_CONNECTION,
  STAGE_HELO,
  STAGE_MAIL,
  STAGE_RCPT,
  STAGE_DATA,
  STAGE_AUTH,
  STAGE_COMMAND
} stage;

/* reply.c */
extern int reply(session *s, char const *text);
/* A 4xx or 5xx: logged, counted, and it costs the client an error. */
extern int refuse(session *s, stage at, char const *text);
/* The same, and error-delay, which other errors cost only when there were some. */
extern int refuse_slow(session *s, stage at, char const *text);
/* The same as refuse, but it costs nothing. */
extern int refuse_free(session *s, stage at, char const *text);
/* As refuse, for a reply that is in out already, from `from` on. */
extern int refused(session *s, stage at, size_t from);

/* record.c: the log */
extern int log_refusal(session *s, stage at, char const *text, size_t len);
extern int log_message(session *s, int code, char const *text, unsigned long id);
/* key 0: nothing more to say */
extern int log_event(session *s, char const *event, char const *key, char const *value);
/* of the i-th milter */
extern int record_milter(session *s, char const *event, unsigned int i, char const *reason);

/* plugins.c: the verdict as spp_verdict, refusals and drops done; -1 for ENOMEM */
extern int plugins_run(session *s, spp_section section, stage at, stralloc *address);

/* policy.c: asks the policy servers of that stage (POLICY_RCPT, ...). SPP_GO; SPP_REFUSE, the refusal done; -1 for ENOMEM. */
extern int policy_run(session *s, unsigned int at, stage where);
/* The message is over. */
extern void policy_forget(session *s);

/*
 * milter.c: asks the milters at that stage. Each returns SPP_GO; SPP_REFUSE, the refusal done; or -1 for ENOMEM. parameters: of
 * MAIL, as the client sent them; line: the command that is none.
 */
extern int milter_connect(session *s);
extern int milter_helo(session *s);
extern int milter_mail(session *s, char const *parameters);
extern int milter_rcpt(session *s);
extern int milter_unknown(session *s, char const *line);
/* This recipient is refused: those who want to know are told. Returns 0, or -1 for ENOMEM. */
extern int milter_rejected(session *s, char const *refusal);
/* The message is over, whatever became of it. */
extern void milter_forget(session *s);
extern void milter_quit(session *s);
extern void milter_free(session *s);

/* filtering.c: the same for DATA, each piece of the message after it is put into the queue, and its end */
extern int milter_data(session *s);
extern int milter_put(session *s, char const *bytes, size_t len);
extern int milter_end(session *s);

/* transaction.c */
extern command_function command_mail;
extern command_function command_rcpt;
extern void transaction_forget(session *s);
/* RELAYCLIENT, which a plugin or a login may have set, and a plugin may have unset; 0: nothing is relayed. */
extern char const *relayclient(session const *s);

/* message.c */
extern command_function command_data;
extern size_t message_feed(session *s, char const *bytes, size_t len);
/* The message will be held, because of that. Returns 0, or -1 for ENOMEM. */
extern int message_hold(session *s, char const *why);

/* sasl.c */
extern command_function command_auth;
extern int auth_line(session *s, char const *line);
/* Ends the exchange with this refusal. */
extern int auth_end(session *s, char const *text);
extern int auth_offered(session const *s);

/* received.c */
extern int received_fmt(stralloc *sa, session const *s);
extern char const *session_protocol(session const *s);

/* queuereply.c: the reply for the queue program's exit code */
extern char const *queue_reply(session const *s, int code);

#endif

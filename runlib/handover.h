#ifndef RUNLIB_HANDOVER_H
#define RUNLIB_HANDOVER_H

#include <runlib/spoolname.h>

/*
 * How a program of another user queues: it writes the message into a file that spool-intake made for it and cannot
 * reach it again once that is closed, so that what was accepted can be neither read nor changed by who queued it.
 *
 * A request is one datagram to the socket of spool-intake: a letter, a name, and one descriptor (SCM_RIGHTS), a
 * socket for the answer. The answer is one message, a handover_answer. Names are secret: to know one is the right to
 * it. A request that was lost (the service has been restarted) may be made again.
 */
#define HANDOVER_OPEN 'o' /* no name: a name and a descriptor come back, for writing */
#define HANDOVER_EDIT 'e' /* the same, for reading, too */
#define HANDOVER_COMMIT                                                                                      \
  'c' /* the name's file is a whole message (envelope.h), and nobody has it open any more */
#define HANDOVER_HOLD  'h' /* the same; nobody delivers it until it is released */
#define HANDOVER_ABORT 'a' /* the name's file may go; nothing comes back */

#define HANDOVER_REQUEST (1 + SPOOLNAME_FMT)

typedef struct handover_answer_s handover_answer;
struct handover_answer_s
{
  unsigned char code;  /* as intake_finish (intake.h) */
  unsigned char error; /* errno, which says more */
  char name[SPOOLNAME_FMT];
};

/*
 * Asks the spool-intake behind a socket. name is what the request names, or, for HANDOVER_OPEN and _EDIT, where the name goes;
 * the descriptor goes to *fd then. Waits up to ten seconds for a service that is not there, and five minutes for its
 * answer. Returns an exit code of intake.h, and errno says more.
 */
extern int handover_ask(char const *socket, char what, char name[SPOOLNAME_FMT], int *fd);

#endif

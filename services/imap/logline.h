#ifndef SERVICES_IMAP_LOGLINE_H
#define SERVICES_IMAP_LOGLINE_H

#include <stddef.h>
#include <sys/types.h>

/* What a line of Dovecot's log says that counts, of 2.3 and 2.4. Pure. */
typedef struct logline_s logline;
struct logline_s
{
  unsigned int logins;   /* 1: somebody is in */
  unsigned int failures; /* so many wrong passwords */
  pid_t pid;             /* of the session that a login began; 0: it does not tell */
  char ip[48];           /* the client's; empty: it does not tell */
};

/* Returns whether it says anything. What a client chose to be called does not count as more. */
extern int logline_read(logline *x, char const *s, size_t n);

#endif

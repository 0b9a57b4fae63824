#ifndef SERVICES_SMTPD_QUEUE_H
#define SERVICES_SMTPD_QUEUE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <skalibs/stralloc.h>

/* The client side of the qmail-queue interface (qmail-queue(8)). One message at a time. */

#define QUEUE_BUFFER 32768
#define QUEUE_WORDS  82 /* the exit code that says: my words are the reply */

typedef struct queue_s queue;
struct queue_s
{
  pid_t pid; /* 0: none */
  int message;
  int envelope;
  int errors;           /* what it writes to its descriptor 6, as to notqmail's qmail-smtpd */
  int broken;           /* errno of the first write that failed */
  unsigned int timeout; /* ms that the program may make us wait at a time */
  char words[256];      /* of that, after exit code QUEUE_WORDS */
  size_t len;
  char buffer[QUEUE_BUFFER];
};

/* Starts program with vars over the environment. Returns 0, or -1 and errno. */
extern int queue_open(queue *q, char const *program, stralloc const *vars);
extern void queue_put(queue *q, char const *bytes, size_t len);
/* Returns the program's exit code, or -1 if it crashed or had to be killed. */
extern int queue_close(queue *q, char const *envelope, size_t len);
/* Lets the program see the end of its input without an envelope, and waits until it is gone. */
extern void queue_abandon(queue *q);

#endif

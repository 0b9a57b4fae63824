#ifndef RUNLIB_POLICYCLIENT_H
#define RUNLIB_POLICYCLIENT_H

#include <stddef.h>
#include <stdint.h>

#include <skalibs/stralloc.h>

/*
 * A connection to a server of the Postfix policy delegation protocol (SMTPD_POLICY_README), kept between
 * questions.
 */
typedef struct policyclient_s policyclient;
struct policyclient_s
{
  int fd;         /* -1: not connected */
  uint64_t again; /* ms of the stopwatch: it failed, and is not asked before then */
};
#define POLICYCLIENT_ZERO                                                                                    \
  {                                                                                                          \
    .fd = -1, .again = 0                                                                                     \
  }

/*
 * Sends the question, whose empty line is a part of it, and reads the answer, without its empty line and at
 * most `most` bytes, within so many milliseconds altogether. address: unix:PATH or inet:ADDRESS:PORT. Returns
 * 0; or -1 and errno: ETIMEDOUT, EPROTO (an answer that makes no sense), EAGAIN (it failed less than half a
 * minute ago, and was not asked), ECONNRESET, or as connect(2).
 */
extern int policyclient_ask(policyclient *c, char const *address, unsigned int ms, char const *question,
                            size_t len, stralloc *answer, size_t most);
extern void policyclient_close(policyclient *c);

#endif

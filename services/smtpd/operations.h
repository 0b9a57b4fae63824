#ifndef SERVICES_SMTPD_OPERATIONS_H
#define SERVICES_SMTPD_OPERATIONS_H

#include <stddef.h>
#include <stdint.h>

#include <skalibs/stralloc.h>

#include "packet.h"

/* All that a session does to the host but reading and writing its client. Each may block, bounded. */

typedef enum plugin_end_e
{
  PLUGIN_RAN,
  PLUGIN_CRASHED,
  PLUGIN_MISSING, /* could not be executed, or exited 120 */
  PLUGIN_TIMEOUT, /* killed */
  PLUGIN_TROUBLE  /* no pipe, no process */
} plugin_end;

typedef enum login_e
{
  LOGIN_GOOD,
  LOGIN_REFUSED,
  LOGIN_UNKNOWN /* nobody can tell now */
} login;

typedef enum tally_e
{
  TALLY_CONNECTIONS,
  TALLY_ACCEPTED,
  TALLY_REFUSED_CONNECTION, /* refused, by stage: in the order of stage_e in session-internal.h */
  TALLY_REFUSED_HELO,
  TALLY_REFUSED_MAIL,
  TALLY_REFUSED_RCPT,
  TALLY_REFUSED_DATA,
  TALLY_REFUSED_AUTH,
  TALLY_REFUSED_COMMAND,
  TALLY_AUTH_GOOD,
  TALLY_AUTH_BAD,
  TALLY_PLUGIN_TIMEOUTS,
  TALLY_TLS,
  TALLIES
} tally;

typedef struct operations_s operations;
struct operations_s
{
  void *host; /* first argument of each */
  /* Runs a line of the plugins' file with vars (NAME=VALUE NUL or NAME NUL, ...) over the environment. */
  plugin_end (*plugin)(void *host, char const *command, stralloc const *vars, stralloc *output);
  /* Starts the queue program. Returns 0, or -1 and errno. */
  int (*queue_open)(void *host, stralloc const *vars);
  /* Bytes of the message. Trouble shows in queue_close. */
  void (*queue_put)(void *host, char const *bytes, size_t len);
  /* Sends the envelope. Returns the program's exit code, or -1 if it crashed; *id is its process. */
  int (*queue_close)(void *host, char const *envelope, size_t len, unsigned long *id);
  /* After exit code 82: `D` or `Z` and the reply's words, as the program wrote them; empty: it wrote none. */
  char const *(*queue_words)(void *host);
  /*
   * What was put can be read again: bytes from `at` on. Returns how many, 0 at the end, or -1 and errno. With
   * milters alone, as are the next two.
   */
  long (*queue_read)(void *host, uint64_t at, char *to, size_t max);
  /* The message is put anew; queue_read still reads the old one. Returns 0, or -1 and errno. */
  int (*queue_again)(void *host);
  /* The new one is the message; keep 0: the old one is, after all. Returns 0, or -1 and errno. */
  int (*queue_settle)(void *host, int keep);
  /* The message will be held instead of delivered. Returns 0; -1: this queue holds nothing. */
  int (*queue_hold)(void *host);
  /* Ends the program without an envelope, which it must refuse. */
  void (*queue_abandon)(void *host);
  /* Whether mail for this address comes to user: 1, 0; -1: nobody can tell now. */
  int (*leads)(void *host, char const *address, size_t len, char const *user);
  /* Whether the client may send without AUTH, because it read its mail a short while ago: 1 or 0. */
  int (*window)(void *host);
  /* Whether user and password go together. */
  login (*auth)(void *host, char const *user, char const *password);
  /*
   * Counts a login that begins as a failed one. Returns whether this client had too many of them: it must not
   * be tried.
   */
  int (*throttled)(void *host);
  /* Takes that back: it did not fail. */
  void (*forgive)(void *host);
  /*
   * Whether an IP address, of 4 or 16 bytes, is one of this machine. Returns 1, 0, or -1: nobody can tell
   * now.
   */
  int (*own)(void *host, char const *ip, size_t len);
  void (*pause)(void *host, unsigned int ms);
  /*
   * Asks the i-th policy server: sends the question, puts the answer's lines into answer. Returns 0, or -1
   * (it is logged).
   */
  int (*policy)(void *host, unsigned int i, char const *question, size_t len, stralloc *answer);
  /*
   * The i-th milter: connects, sends, and reads the next packet, whose data are there until the next call, within ms.
   * Each returns 0, or -1 and errno.
   */
  int (*milter_open)(void *host, unsigned int i);
  int (*milter_send)(void *host, unsigned int i, char const *s, size_t len);
  int (*milter_receive)(void *host, unsigned int i, unsigned int ms, packet *p);
  void (*milter_close)(void *host, unsigned int i);
  /* Whether it is connected, and has neither closed that nor said anything unasked. */
  int (*milter_idle)(void *host, unsigned int i);
  /* It is asked about a message; and that is over, after it was waited for so long. */
  void (*milter_asked)(void *host, unsigned int i);
  void (*milter_over)(void *host, unsigned int i, uint64_t ms, int refused, int failed);
  /* The overload level: 0, 1 or 2. */
  unsigned int (*overload)(void *host);
  /*
   * Whether the spool has such a recipient: 1, 0, or -1: it is not the spool's to know, or nobody can tell
   * now; -2: nobody can tell now, and it is to be asked again.
   */
  int (*recipient)(void *host, char const *address, size_t len);
  /* Whether this client's source may have so many more bytes of the log; last: about what was left out. */
  int (*log_room)(void *host, size_t len, int last);
  void (*log)(void *host, char const *line, size_t len); /* without newline */
  void (*count)(void *host, tally t);
  uint64_t (*now)(void *host); /* microseconds since 1970 */
};

#endif

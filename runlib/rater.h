#ifndef RUNLIB_RATER_H
#define RUNLIB_RATER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C"
{
#endif

  /*
 * Asks raterd(8) whether things happen more often than they should: rater(3).
 *
 * Nothing here blocks beyond its timeout, exits, prints, raises SIGPIPE, allocates memory or leaves a
 * descriptor behind (but the one of a kept connection). Thread-safe; a kept connection belongs to
 * one thread at a time. Needs the C library alone.
 *
 * address: the path of raterd's unix socket (it contains a `/`), or 127.0.0.1:1999, or [::1]:1999.
 * class:   letters, digits, `.`, `_`, `-`, 1 to 32.
 * value:   any bytes. A newline is sent as `?`, and what a line has no room for (about 1000 bytes) is
 *          left out, so that no value can avoid being counted.
 * quantity: how many; 0 asks without counting. Over TCP, which has the original protocol alone, 1.
 * timeout: milliseconds for everything together; 0 counts as 1.
 */

#define RATER_LINE_MAX 1024 /* bytes of a request, without its newline */

  typedef enum rater_answer_e
  {
    RATER_ALLOWED,
    RATER_REFUSED,
    RATER_UNAVAILABLE /* errno: why */
  } rater_answer;

/* Seconds until as much would be allowed, if that is never: more than the limit's burst. */
#define RATER_NEVER UINT32_MAX

  /*
 * *retry (may be 0): with RATER_REFUSED, the seconds until as much would be allowed, rounded up; over TCP,
 * which does not tell, 0. With RATER_ALLOWED, the seconds by which what is done should be put off: 0, but for a limit
 * with a delay. With RATER_UNAVAILABLE, errno says why:
 *   ETIMEDOUT    no answer in time
 *   ENOENT, ECONNREFUSED, EACCES, EMFILE, ...   as connect(2) and socket(2)
 *   ECONNRESET   the connection ended before an answer
 *   EPROTO       the answer made no sense
 *   EREMOTEIO    raterd answered 2: most often the class is unknown to it
 *   EINVAL       an address or a class that cannot be;  EOPNOTSUPP  a quantity other than 1 over TCP
 */
  extern rater_answer rater_ask(char const *address, char const *class_name, char const *value,
                                uint64_t quantity, unsigned int timeout_ms, uint32_t *retry);

  /*
 * Takes back quantity (1 or more) that was allowed, such as an attempt that was no offence after all. Needs the unix
 * socket. Returns 0, or -1 and errno as above.
 */
  extern int rater_undo(char const *address, char const *class_name, char const *value, uint64_t quantity,
                        unsigned int timeout_ms);

  /* A connection that is kept between questions. address: not copied, must outlive it. */
  typedef struct rater_connection_s rater_connection;
  struct rater_connection_s
  {
    char const *address;
    int fd; /* -1: not connected */
  };
#define RATER_CONNECTION(a)                                                                                  \
  {                                                                                                          \
    (a), -1                                                                                                  \
  }

  /*
 * As rater_ask; connects where need be, and again if raterd had closed an idle connection. After
 * RATER_UNAVAILABLE the connection is closed, and the next question connects anew.
 */
  extern rater_answer rater_ask_kept(rater_connection *c, char const *class_name, char const *value,
                                     uint64_t quantity, unsigned int timeout_ms, uint32_t *retry);
  extern void rater_close(rater_connection *c);

  /*
 * Any request of raterd's protocol: sends line (n bytes, no newline) and reads the one line that answers it
 * into answer (size bytes), without its CR and LF and with a NUL. Returns its length, or -1 and errno
 * (EMSGSIZE: longer than size - 1; else as above), the connection closed.
 */
  extern long rater_exchange(rater_connection *c, char const *line, size_t n, char *answer, size_t size,
                             unsigned int timeout_ms);

#ifdef __cplusplus
}
#endif

#endif

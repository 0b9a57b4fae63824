#ifndef TLS_RELAY_INTERNAL_H
#define TLS_RELAY_INTERNAL_H

#include <signal.h>
#include <stdint.h>

#include <openssl/ssl.h>

/*
 * Carries bytes between a client's TLS connection and the program's plain socket, both non-blocking, until
 * both directions have ended, one side is lost, nothing moved for idle milliseconds, or *orphaned has
 * been set (by a signal's handler) and drain milliseconds have passed since (0: no bound). An orderly end of
 * either side is passed on to the other, and what was under way is delivered first: the client's
 * close-notify becomes an end of file, the program's end of file a close-notify. Of a side that is lost, what
 * it was still to get is dropped, so that the other side never waits for it.
 */
extern void relay(SSL *ssl, int client, int plain, volatile sig_atomic_t const *orphaned, unsigned int idle,
                  unsigned int drain);

/* On: what is written to client goes out with what follows, or after 200 ms. The relay's first bytes end it. */
extern void relay_hold_back(int client, int on);

/* Milliseconds of the stopwatch clock. */
extern int64_t relay_now(void);

#endif

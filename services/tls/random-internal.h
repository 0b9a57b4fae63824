#ifndef TLS_RANDOM_INTERNAL_H
#define TLS_RANDOM_INTERNAL_H

/*
 * Makes OpenSSL take random bytes from the kernel. Its own generators are seeded anew in every forked
 * process, which costs a session 110 us and gains it nothing: each process wants some hundred bytes.
 */
extern void random_from_kernel(void);

#endif

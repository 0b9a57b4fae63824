#ifndef SERVICES_SMTPD_BUDGET_H
#define SERVICES_SMTPD_BUDGET_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What one source may have written into the log in ten minutes, by all its sessions together: the memory is shared by
 * processes that are forked after budget_open. Sources that meet in a place have one budget.
 */
#define BUDGET_BYTES   65536U
#define BUDGET_SECONDS 600U
#define BUDGET_PLACES  4096U

typedef struct budget_s budget;
struct budget_s
{
  _Atomic uint64_t place[BUDGET_PLACES]; /* which ten minutes, 32 bits, and how many bytes */
};

/* 0 without memory: nobody has a bound then. */
extern budget *budget_open(void);
/* Takes so many bytes. Returns 1, or 0: the source has had times * BUDGET_BYTES. now: seconds since 1970 */
extern int budget_take(budget *b, uint64_t source, size_t bytes, unsigned int times, uint64_t now);

#endif

#ifndef SERVICES_POLICY_GREYLIST_H
#define SERVICES_POLICY_GREYLIST_H

#include "judge.h"
#include "store.h"

/*
 * Who comes for the first time is asked to come again. Known are, and pass at once: the network (/24, or /64
 * of IPv6), recipient and sender that came again in time, with digits in the sender's local part taken out,
 * so that VERP's senders are one; a network from which so many came again; a domain that SPF vouches for,
 * once one of its senders came again; whom one of our users wrote to. What is not seen for `lifetime` is
 * forgotten.
 *
 * Keys: one letter and a hash, or the network; values: first seen, last seen, how often. A clock that steps
 * back makes nobody wait longer than `delay` again.
 */

#define GREYLIST_TRIPLET       't'
#define GREYLIST_NETWORK       'n'
#define GREYLIST_DOMAIN        'd'
#define GREYLIST_WROTE         'w'
#define GREYLIST_NETWORK_KNOWN 5 /* came again */

typedef enum grey_e
{
  GREY_KNOWN,
  GREY_AGAIN, /* came again in time: known from now on */
  GREY_WAIT
} grey;

/*
 * *wait: with GREY_WAIT, the seconds until it may come again. A store that cannot be used lets everybody
 * pass.
 */
extern grey greylist_check(store *s, settings const *st, question const *q, int spf_pass, uint64_t *wait);
/* One of our users writes to somebody: what comes back is expected. */
extern void greylist_wrote(store *s, policy_request const *r, uint64_t now);
/* Whether a record is of no more use: a store_sweep's old. data: a greylist_age. */
typedef struct greylist_age_s greylist_age;
struct greylist_age_s
{
  settings const *settings;
  uint64_t now;
  uint64_t removed;
};
extern int greylist_old(void *data, unsigned char const *key, store_value const *v);
/*
 * Forgets what is known of a triplet, or with an empty sender and recipient of the network. Returns how much
 * that was.
 */
extern unsigned int greylist_forget(store *s, question const *q);
/* Makes a network known. Returns 0 or -1. */
extern int greylist_add(store *s, question const *q);

#endif

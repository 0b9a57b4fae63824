#ifndef CTL_STATUS_SMTP_H
#define CTL_STATUS_SMTP_H

#include <ctl/status/field.h>

/* An SMTP server's kinds of refusal, in the order of its counters. */
enum
{
  REFUSED_CONNECTION,
  REFUSED_HELO,
  REFUSED_MAIL,
  REFUSED_RCPT,
  REFUSED_DATA,
  REFUSED_AUTH,
  REFUSED_COMMAND,
  REFUSALS
};

/* Totals since the counters were made, and the rate of the last minute. */
typedef struct tally_facts_s tally_fields;
struct tally_facts_s
{
  status_value total, minute;
};

typedef struct smtp_facts_s smtp_fields;
struct smtp_facts_s
{
  /* draining: of an earlier start, and about to end; draining_of: of the oldest, the generation; turned_away: over a limit */
  status_value connections, limit, draining, draining_of, scarce, yielded, turned_away, blocked;
  tally_fields sessions, messages, refused, refusals[REFUSALS], auth_good, auth_bad;
};

#endif

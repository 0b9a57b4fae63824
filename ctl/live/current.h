#ifndef CTL_LIVE_CURRENT_H
#define CTL_LIVE_CURRENT_H

#include <services/contract/service.h>

/* What runs as a service, held against what should: RUN/started/NAME (runlib/started.h) and s6's status; where that is damaged, the record alone. */

typedef enum running_e
{
  RUNNING_NOT,      /* it is down */
  RUNNING_SAME,     /* started from content, with the programs that are there now */
  RUNNING_OLD,      /* started from other content, or from what nobody knows */
  RUNNING_REPLACED, /* from content, but a program is another file by now */
  RUNNING_UNKNOWN   /* we may see neither s6's status nor the record */
} running;

/* *hidden, if asked for: whether we may not see what s6 says of it, so that this is from the record. */
extern running current_compare(bundle const *b, char const *name, char const *content, int *hidden);
extern running current_compare_logger(bundle const *b, char const *name, char const *content);

#endif

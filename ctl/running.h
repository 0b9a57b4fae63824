#ifndef CTL_RUNNING_H
#define CTL_RUNNING_H

#include <services/service.h>

/* What runs as a service, held against what should: RUN/started/NAME (runlib/started.h) and s6's status; where that is damaged, the record alone. */

typedef enum running_e
{
  RUNNING_NOT,      /* it is down */
  RUNNING_SAME,     /* started from content, with the programs that are there now */
  RUNNING_OLD,      /* started from other content, or from what nobody knows */
  RUNNING_REPLACED, /* from content, but a program is another file by now */
  RUNNING_UNKNOWN   /* we may see neither s6's status nor the record */
} running;

extern running running_compare(bundle const *b, char const *name, char const *content);
extern running running_compare_logger(bundle const *b, char const *name, char const *content);
/* Whether we may see what s6 says of it. */
extern int running_visible(bundle const *b, char const *name);

#endif

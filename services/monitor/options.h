#ifndef SERVICES_MONITOR_OPTIONS_H
#define SERVICES_MONITOR_OPTIONS_H

#include <stdint.h>

#include "hook.h"
#include "measure.h"
#include "thresholds.h"

/* What `mailctl monitor` was told. */
typedef struct options_s options;
struct options_s
{
  char const *directory; /* RUN/overload */
  char const *link;      /* control/overloaded, to be watched; 0: not */
  int ready;             /* readiness descriptor; 0: none */
  uint64_t poll;         /* ms */
  rules r;
  measure m;
  hook h;
};

#define MONITOR_USAGE                                                                                        \
  "mailctl monitor -D DIRECTORY [-d FD] [-l LINK] [-p MS] [-t SIGNAL:LEVEL:ENTER:LEAVE[:UP:DOWN]]... "       \
  "[-e LEVEL:COMMAND]... [-x LEVEL:COMMAND]... [-k MS] [-m COUNTERS]... [-u MS] QUEUE..."

/*
 * Fills in *o, whose texts point into argv. Bad usage ends the program: 100, with one line. Options are
 * described in mailctl-monitor(8).
 */
extern void options_parse(options *o, int argc, char const *const *argv);

/* One threshold, `backlog:1:100:50:2000:10000`. Returns 0, or what is wrong in words (static). */
extern char const *options_threshold(rules *r, char const *text);

#endif

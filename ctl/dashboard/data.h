#ifndef CTL_DASHBOARD_DATA_H
#define CTL_DASHBOARD_DATA_H

#include <time.h>

#include <runlib/overload-history.h>

#include <ctl/dashboard/canvas.h>
#include <ctl/dashboard/log.h>
#include <ctl/machine/load.h>
#include <ctl/status/snapshot.h>

/* What the dashboard knows of its bundle, read again and again. */

typedef struct dash_data_s dash_data;
struct dash_data_s
{
  context cx;
  stored *st; /* moves nowhere: what is in it points into it */
  snapshot now;
  snapshot base; /* some seconds earlier: CPU shares are those since then */
  dash_log log;
  int log_error;
  stralloc notes;          /* what is wrong with the whole, a line each; NUL-terminated */
  struct timespec written; /* mailctl.conf, when it was read */
  stralloc more;           /* how the service died, and its files: lines of text */
  history_point points[CANVAS_MAX];
  size_t npoints;
  unsigned int step;
  uint64_t read; /* the points: when */
};

/* The first time. Prints what went wrong to stderr. 0, or the exit status to end with. */
extern int dash_data_begin(dash_data *d, context const *cx);
/* Everything but the log anew, points for so many columns; what it says to stderr goes nowhere. 0, or -1 and errno. */
extern int dash_data_refresh(dash_data *d, size_t columns);
/* The points alone, if they are not so many, or old. */
extern void dash_data_points(dash_data *d, size_t columns);
/* The log of a service, at most max bytes. 1: it changed. */
extern int dash_data_log(dash_data *d, char const *name, size_t max);
/* `more`, of that service; empty: none. 0, or -1 and ENOMEM. */
extern int dash_data_more(dash_data *d, char const *name);
extern void dash_data_free(dash_data *d);

#endif

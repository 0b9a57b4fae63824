#ifndef CTL_DASHBOARD_VIEW_H
#define CTL_DASHBOARD_VIEW_H

#include <ctl/dashboard/canvas.h>
#include <ctl/dashboard/curve.h>
#include <ctl/dashboard/layout.h>
#include <ctl/dashboard/log.h>
#include <ctl/dashboard/run.h>
#include <ctl/dashboard/ui.h>
#include <ctl/status/snapshot.h>

/* The pages, drawn from what is known. No input, no output. */

typedef struct view_s view;
struct view_s
{
  snapshot const *s;
  char const *hostname;
  ui const *u;
  size_t const *at; /* the services that the filter leaves, n of them */
  size_t n;
  dash_log const *log;  /* of the selected service */
  int log_error;        /* errno of reading it; 0: none */
  curve backlog;        /* its thresholds are not looked at: they are the snapshot's */
  char const *notes;    /* what is wrong with the whole, a line each */
  stralloc const *more; /* lines about the selected service, for its page; NUL-terminated */
  dash_run const *run;
  char const *said; /* the last message; empty: none */
};

/* Lines of numbers below the level. */
extern int view_fields(snapshot const *s);
/* Lines of the detail page of a service, or of help. */
extern size_t view_items(view const *v, int cols);
/* Where everything of a page goes. 0, or -1: too small. */
extern int view_layout(layout *l, view const *v, int rows, int cols);
extern void view_draw(canvas *c, view const *v);

#endif

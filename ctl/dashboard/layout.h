#ifndef CTL_DASHBOARD_LAYOUT_H
#define CTL_DASHBOARD_LAYOUT_H

#include <ctl/dashboard/canvas.h>

/* What goes where on a terminal of rows x cols. What there is no room for has no rows or no columns. */

typedef struct layout_s layout;
struct layout_s
{
  rect title;
  rect level; /* one row: in words alone */
  rect curve;
  rect status_fields;
  rect table; /* the heading, and a row a service */
  rect log;   /* the heading, and the lines */
  rect message;
  rect keys;
};

#define LAYOUT_ROWS 4 /* the smallest terminal that shows anything */
#define LAYOUT_COLS 20

/*
 * facts: how many lines of numbers there are to show. The parts never overlap and lie inside; the table
 * has room for at least one service. 0, or -1: too small.
 */
extern int layout_overview(layout *l, int rows, int cols, size_t services, int status_fields);
/* The other pages: title, one part (table) for all in between, message and keys. */
extern int layout_page(layout *l, int rows, int cols);

#endif

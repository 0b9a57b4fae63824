#ifndef CTL_DASHBOARD_TABLE_H
#define CTL_DASHBOARD_TABLE_H

#include <ctl/dashboard/canvas.h>
#include <ctl/dashboard/ui.h>
#include <ctl/status/snapshot.h>

/* The services as a table with a selection: the columns of the one table of facts, as many as fit. */

/* The places (in snapshot_services) of those that the filter leaves, into at (snapshot_count). Returns how many. */
extern size_t dash_table_filter(size_t *at, snapshot const *s, char const *filter);
/* Draws the heading and, from u->top on, the n services of at. */
extern void dash_table_draw(canvas *c, rect r, snapshot const *s, size_t const *at, size_t n, ui const *u);

/* How a state is shown. */
extern style dash_state_style(service_state is, int should);

#endif

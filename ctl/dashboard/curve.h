#ifndef CTL_DASHBOARD_CURVE_H
#define CTL_DASHBOARD_CURVE_H

#include <stddef.h>
#include <stdint.h>

#include <runlib/overload-history.h>

#include <ctl/dashboard/canvas.h>

/* The backlog over time, as columns of cells, with the thresholds drawn in. Pure. */

typedef struct curve_s curve;
struct curve_s
{
  history_point const *points; /* oldest first, one a column */
  size_t n;
  unsigned int step; /* seconds a point */
  uint64_t enter;    /* thresholds: 0: there is none */
  uint64_t leave;
  uint64_t severe_enter;
};

#define CURVE_PARTS 8 /* heights that a cell can tell apart */

/*
 * The value at the upper edge: above the largest point and `enter`; and above severe_enter, unless the curve
 * would be flat by it. At least 4.
 */
extern uint64_t curve_top(curve const *v);
/* How high a value stands, in eighths of a row: 0 to CURVE_PARTS * rows; more than 0 if it is. */
extern unsigned int curve_height(uint64_t value, uint64_t top, int rows);
/* The row, 0 being the uppermost, that the line of a threshold is in; -1: it is above the edge. */
extern int curve_row(uint64_t threshold, uint64_t top, int rows);
/* The step, a multiple of HISTORY_STEP, with which n points cover at least `seconds`. */
extern unsigned int curve_step(size_t n, unsigned int seconds);

/* The columns of r that are left for points, between the margins of the scale. */
extern int curve_columns(rect r);
/* Draws it into r: the last row is the axis of time. The points are curve_columns(r) many. */
extern void curve_draw(canvas *c, rect r, curve const *v);

#endif

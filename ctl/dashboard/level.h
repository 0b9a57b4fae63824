#ifndef CTL_DASHBOARD_LEVEL_H
#define CTL_DASHBOARD_LEVEL_H

#include <ctl/dashboard/canvas.h>

/* Text so large that it is read across a room: capital letters, digits and `?`, of 5 x 3 points each. */

#define LEVEL_ROWS 5 /* of points */

/* The columns that text needs when a point is `wide` columns. */
extern int level_width(char const *text, int wide);
/* The largest height in rows of a point, 1 up, with points twice as wide as high, so that text fits; 0: none does. */
extern int level_scale(char const *text, rect r);
/* Draws it at the upper left of r, a point being high x wide cells. */
extern void level_draw(canvas *c, rect r, style s, char const *text, int high, int wide);

#endif

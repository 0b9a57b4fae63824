#ifndef CTL_DASHBOARD_VIEW_INTERNAL_H
#define CTL_DASHBOARD_VIEW_INTERNAL_H

#include <ctl/dashboard/view.h>

extern void view_draw_level(canvas *c, rect r, snapshot const *s);
extern void view_draw_facts(canvas *c, rect r, snapshot const *s);
extern void view_draw_detail(canvas *c, rect r, view const *v);
extern void view_draw_help(canvas *c, rect r, view const *v);
extern size_t view_help_lines(void);
extern size_t view_detail_lines(view const *v, int cols);
/* Title, message and keys, of every page. */
extern void view_draw_frame(canvas *c, layout const *l, view const *v);
/* A heading line with text in it. */
extern void view_draw_rule(canvas *c, rect r, char const *text);

#endif

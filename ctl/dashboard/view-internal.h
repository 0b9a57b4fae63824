#ifndef CTL_DASHBOARD_VIEW_INTERNAL_H
#define CTL_DASHBOARD_VIEW_INTERNAL_H

#include <ctl/dashboard/view.h>

/* How many services FAILED; their names, as many as max bytes hold, with commas between them. */
extern unsigned int view_failed(char *names, size_t max, snapshot const *s);
extern void view_draw_level(canvas *c, rect r, snapshot const *s);
extern void view_draw_facts(canvas *c, rect r, snapshot const *s);
extern void view_draw_detail(canvas *c, rect r, view const *v);
extern void view_draw_help(canvas *c, rect r, view const *v);
extern size_t view_help_lines(void);
extern size_t view_detail_lines(view const *v, int cols);
/* Title, message and keys, of every page. */
extern void view_draw_frame(canvas *c, layout const *l, view const *v);
/* How many rows the message of the moment would need. */
extern int view_message_rows(view const *v, int cols);
/* Text over as many lines as r has, broken at blanks; and how many it needs. */
extern void view_draw_wrapped(canvas *c, rect r, style s, char const *text);
extern int view_wrapped(char const *text, int cols);
/* A heading line with text in it. */
extern void view_draw_rule(canvas *c, rect r, char const *text);

#endif

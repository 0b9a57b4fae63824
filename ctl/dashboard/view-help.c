#include <ctl/dashboard/view-internal.h>

static char const *const help[] = {
    "Everywhere",
    "  r          restart the selected service; asks first",
    "  u          bring it up, or all where the bundle is not running; asks first",
    "  d          bring it down; asks first (^Y: yes)",
    "  o          hold the overload level by hand, or end a hold; asks why and how long",
    "  l          its log on the whole screen",
    "  ?          this page",
    "  q          quit; what runs goes on",
    "  ^L         draw the screen anew      ^Z         suspend",
    "",
    "The overview",
    "  j k, arrows, PgUp PgDn, g G          select a service",
    "  Enter      all about it",
    "  /          show only services whose name or state has a text in it",
    "  Esc        show all again; close what a command said",
    "",
    "The log",
    "  j k, arrows, PgUp PgDn               scroll; left and right, too",
    "  g G        to its begin; to its end, which it follows",
    "  /          search; n and N go to the next older and newer line that has it",
    "  Esc        back",
    "",
    "The curve is the backlog: how many messages wait. The lines across are the",
    "thresholds that raise the overload level, and the one that ends it.",
};
#define HELP_LINES (sizeof help / sizeof help[0])

size_t view_help_lines(void)
{
  return HELP_LINES;
}

void view_draw_help(canvas *c, rect r, view const *v)
{
  view_draw_rule(c, r, "help");
  for (int row = 1; row < r.rows && v->u->detail + (size_t)row - 1 < HELP_LINES; row++)
  {
    char const *line = help[v->u->detail + (size_t)row - 1];
    canvas_say(c, r.row + row, r.col + 1, r.cols - 1, *line == ' ' ? STYLE_PLAIN : STYLE_HEAD, line);
  }
}

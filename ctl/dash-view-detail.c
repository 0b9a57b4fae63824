#include <stdio.h>
#include <string.h>

#include <ctl/dash-table.h>
#include <ctl/dash-view-internal.h>

/* --- everything about one service ---------------------------------------------------------------- */

#define WIDTH 40 /* columns for a fact */
#define NAMES 22 /* of them for its title */

static int belongs(fact const *f, char const *prefix)
{
  size_t n = strlen(prefix);
  return f->scope == FACT_BUNDLE && !strncmp(f->name, prefix, n) && f->name[n] == '.';
}

/* The part of the bundle's facts that a service answers for. */
static int is_of(fact const *f, char const *name)
{
  if (f->scope == FACT_SERVICE) return 1;
  if (!strcmp(name, "monitor")) return belongs(f, "overload") || belongs(f, "queue");
  if (!strcmp(name, "spool") || !strcmp(name, "qmail-send")) return belongs(f, "queue");
  return belongs(f, name);
}

static datum const *datum_of(fact const *f, snapshot const *s, service_facts const *v)
{
  return f->scope == FACT_SERVICE ? fact_datum(f, v) : fact_datum(f, s);
}

static service_facts const *chosen_of(view const *v)
{
  return snapshot_find(v->s, v->u->chosen);
}

static int is_shown(fact const *f, snapshot const *s, service_facts const *v)
{
  return is_of(f, v->id) && datum_of(f, s, v)->known != NONE;
}

static size_t count_items(view const *v)
{
  service_facts const *x = chosen_of(v);
  size_t n = 0;

  for (size_t i = 0; x && i < facts_count; i++) n += is_shown(facts + i, v->s, x) != 0;
  return n;
}

static int across(int cols)
{
  return cols >= 2 * WIDTH ? cols / WIDTH : 1;
}

size_t view_detail_lines(view const *v, int cols)
{
  size_t k = (size_t)across(cols);
  return (count_items(v) + k - 1) / k;
}

static void draw_item(canvas *c, rect r, fact const *f, view const *v, service_facts const *x)
{
  char words[FACT_WORDS];
  datum const *d = datum_of(f, v->s, x);
  style look = d->known != KNOWN ? STYLE_DIM : STYLE_PLAIN;
  char const *title = f->title;

  if (!strcmp(f->name, "state")) look = dash_state_style(x->is, x->wanted_now);
  for (int i = 0; title[i] && i < NAMES - 2 && i < r.cols; i++)
    canvas_char(c, r.row, r.col + i, STYLE_DIM,
                f->scope == FACT_SERVICE && title[i] >= 'A' && title[i] <= 'Z' ? title[i] + 32 : title[i],
                f->scope == FACT_SERVICE && title[i] >= 'A' && title[i] <= 'Z' ? (char)(title[i] + 32)
                                                                               : title[i]);
  canvas_say(c, r.row, r.col + NAMES, r.cols - NAMES - 1, look, fact_human(words, f, d, &v->s->now));
}

/* Columns are filled from above, as in a newspaper. */
void view_draw_detail(canvas *c, rect r, view const *v)
{
  service_facts const *x = chosen_of(v);
  char title[UI_NAME + 64];
  size_t lines = view_detail_lines(v, r.cols);
  int width = r.cols / across(r.cols);
  size_t item = 0;

  snprintf(title, sizeof title, "%s%s", v->u->chosen, lines > (size_t)r.rows - 1 ? " (j and k scroll)" : "");
  view_draw_rule(c, r, title);
  for (int second = 0; x && second < 2; second++)
    for (size_t i = 0; i < facts_count; i++)
    {
      size_t line;
      if ((facts[i].scope == FACT_BUNDLE) != second || !is_shown(facts + i, v->s, x)) continue;
      line = item % lines;
      if (line >= v->u->detail && line - v->u->detail < (size_t)r.rows - 1)
        draw_item(
            c,
            (rect){r.row + 1 + (int)(line - v->u->detail), r.col + 1 + (int)(item / lines) * width, 1, width},
            facts + i, v, x);
      item++;
    }
}

/* --- help ---------------------------------------------------------------------------------------- */

static char const *const help[] = {
    "Everywhere",
    "  r          restart the selected service; asks first",
    "  u          bring it up, or all where the bundle is not running; asks first",
    "  d          bring it down; asks first",
    "  o          hold the overload level by hand, or end a hold",
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

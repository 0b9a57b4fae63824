#include <stdio.h>
#include <string.h>

#include <ctl/dash-table.h>
#include <ctl/dash-view-internal.h>

/* --- everything about one service ---------------------------------------------------------------- */

#define WIDTH 40 /* columns for a fact */
#define NAMES 23 /* of them for its title */

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

#define ITEMS 256

static size_t add_item(fact const **list, size_t n, view const *v, service_facts const *x, fact const *f)
{
  if (n < ITEMS && strcmp(f->name, "name") && is_shown(f, v->s, x)) list[n++] = f;
  return n;
}

/* The table's columns first, then what else there is of the service, then what there is of its trade. */
static size_t collect(fact const **list, view const *v)
{
  service_facts const *x = chosen_of(v);
  size_t n = 0;

  if (!x) return 0;
  for (unsigned int column = 1; column <= facts_count; column++)
    for (size_t i = 0; i < facts_count; i++)
      if (facts[i].column == column) n = add_item(list, n, v, x, facts + i);
  for (int scope = FACT_SERVICE; scope <= FACT_BUNDLE; scope++)
    for (size_t i = 0; i < facts_count; i++)
      if ((int)facts[i].scope == scope && !facts[i].column) n = add_item(list, n, v, x, facts + i);
  return n;
}

static int across(int cols)
{
  return cols >= 2 * WIDTH ? cols / WIDTH : 1;
}

size_t view_detail_lines(view const *v, int cols)
{
  fact const *list[ITEMS];
  size_t k = (size_t)across(cols);
  return (collect(list, v) + k - 1) / k;
}

/* The facts' own names: `last_exit` as `last exit`, `smtpd.refused_per_minute` as `refused/min`. */
static void draw_name(canvas *c, rect r, fact const *f)
{
  static char const minute[] = "_per_minute";
  char const *dot = f->scope == FACT_BUNDLE ? strchr(f->name, '.') : 0;
  char name[NAMES + sizeof minute];
  size_t len = (size_t)snprintf(name, sizeof name, "%s", dot ? dot + 1 : f->name);

  if (len >= sizeof name) len = sizeof name - 1;
  if (len > sizeof minute && !strcmp(name + len + 1 - sizeof minute, minute))
    strcpy(name + len + 1 - sizeof minute, "/min");
  for (char *s = name; *s; s++)
    if (*s == '_') *s = ' ';
  canvas_say(c, r.row, r.col, NAMES - 1, STYLE_DIM, name);
}

static void draw_item(canvas *c, rect r, fact const *f, view const *v, service_facts const *x)
{
  char words[FACT_WORDS];
  datum const *d = datum_of(f, v->s, x);
  style look = d->known != KNOWN ? STYLE_DIM : STYLE_PLAIN;

  if (!strcmp(f->name, "state")) look = dash_state_style(x->is, x->wanted_now);
  draw_name(c, r, f);
  canvas_say(c, r.row, r.col + NAMES, r.cols - NAMES - 1, look, fact_human(words, f, d, &v->s->now));
}

/* Columns are filled from above, as in a newspaper. */
void view_draw_detail(canvas *c, rect r, view const *v)
{
  service_facts const *x = chosen_of(v);
  fact const *list[ITEMS];
  char title[UI_NAME + 64];
  size_t n = collect(list, v);
  size_t lines = view_detail_lines(v, r.cols);
  int width = r.cols / across(r.cols);

  snprintf(title, sizeof title, "%s%s", v->u->chosen, lines > (size_t)r.rows - 1 ? " (j and k scroll)" : "");
  view_draw_rule(c, r, title);
  for (size_t i = 0; i < n; i++)
  {
    size_t line = i % lines;
    rect at = {r.row + 1 + (int)(line - v->u->detail), r.col + 1 + (int)(i / lines) * width, 1, width};
    if (line >= v->u->detail && line - v->u->detail < (size_t)r.rows - 1) draw_item(c, at, list[i], v, x);
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

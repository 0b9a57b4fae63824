#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ctl/show.h>
#include <ctl/words.h>

#define COLUMNS 16
#define GAP     2

typedef struct cell_s cell;
struct cell_s
{
  char const *text;
  char words[FACT_WORDS];
};

typedef struct column_s column;
struct column_s
{
  fact const *fact; /* 0: was dropped, or never was */
  unsigned int width;
};

typedef struct table_s table;
struct table_s
{
  show const *w;
  column columns[COLUMNS];
  size_t rows;
  cell *cells; /* rows of COLUMNS */
};

int show_is_chosen(show const *w, char const *name)
{
  for (int i = 0; i < w->argc; i++)
    if (!strcmp(w->names[i], name)) return 1;
  return !w->argc;
}

/* --- terminals ----------------------------------------------------------------------------------- */

#define RED    "\033[31m"
#define GREEN  "\033[32m"
#define YELLOW "\033[33m"
#define PLAIN  "\033[0m"

typedef struct look_s look;
struct look_s
{
  char const *colour;
  char const *symbol;
};

static look const looks[STATES] = {
    [STATE_UNKNOWN] = {YELLOW, "?"},  [STATE_READY] = {GREEN, "●"},     [STATE_UP] = {GREEN, "●"},
    [STATE_STARTING] = {YELLOW, "◐"}, [STATE_STOPPING] = {YELLOW, "◐"}, [STATE_STOPPED] = {"", "○"},
    [STATE_RETRYING] = {YELLOW, "↻"}, [STATE_FAILED] = {RED, "✗"},      [STATE_FAILED_RETRYING] = {RED, "✗"},
    [STATE_MISSING] = {RED, "✗"}};

char const *show_colour(show const *w, service_state is)
{
  return w->colour ? looks[is].colour : "";
}

/* --- the table ----------------------------------------------------------------------------------- */

static int is_number(fact const *f)
{
  return f->type != FACT_TEXT && f->type != FACT_YES;
}

static void choose_columns(table *t)
{
  for (size_t i = 0; i < facts_count; i++)
    if (facts[i].column && facts[i].column <= COLUMNS)
      t->columns[facts[i].column - 1] =
          (column){.fact = facts + i, .width = (unsigned int)strlen(facts[i].title)};
}

static void fill_row(table *t, cell *row, service_facts const *f)
{
  for (unsigned int i = 0; i < COLUMNS; i++)
  {
    column *c = t->columns + i;
    if (!c->fact) continue;
    row[i].text = fact_human(row[i].words, c->fact, fact_datum(c->fact, f), &t->w->s->now);
    if (strlen(row[i].text) > c->width) c->width = (unsigned int)strlen(row[i].text);
  }
}

/* Columns that do not fit go, in the order of the table of facts. */
static void drop_columns(table *t)
{
  unsigned int symbol = t->w->symbols ? 2 : 0;

  for (;;)
  {
    unsigned int sum = symbol;
    column *least = 0;
    for (unsigned int i = 0; i < COLUMNS; i++)
    {
      column *c = t->columns + i;
      if (!c->fact) continue;
      sum += c->width + (sum > symbol ? GAP : 0);
      if (c->fact->keep && (!least || c->fact->keep < least->fact->keep)) least = c;
    }
    if (sum <= t->w->width || !least) return;
    least->fact = 0;
  }
}

static int put_cell(stralloc *sa, column const *c, char const *text, int last)
{
  if (is_number(c->fact)) return service_append(sa, "%*s", (int)c->width, text);
  return last ? service_append(sa, "%s", text) : service_append(sa, "%-*s", (int)c->width, text);
}

static int is_last(table const *t, unsigned int i)
{
  while (++i < COLUMNS)
    if (t->columns[i].fact) return 0;
  return 1;
}

static int put_titles(stralloc *sa, table const *t)
{
  if (t->w->symbols && service_append(sa, "  ") < 0) return -1;
  for (unsigned int i = 0; i < COLUMNS; i++)
    if (t->columns[i].fact && (put_cell(sa, t->columns + i, t->columns[i].fact->title, is_last(t, i)) < 0 ||
                               service_append(sa, is_last(t, i) ? "\n" : "  ") < 0))
      return -1;
  return 0;
}

static service_state state_in(fact const *f, service_facts const *s)
{
  return f->at == offsetof(service_facts, log) ? s->log_is : s->is;
}

/* Only the states have colours: in a healthy bundle nothing else should catch the eye. */
static int put_row(stralloc *sa, table const *t, cell const *row, service_facts const *f)
{
  char const *colour = show_colour(t->w, f->is);

  if (t->w->symbols && service_append(sa, "%s%s%s ", colour, looks[f->is].symbol, *colour ? PLAIN : "") < 0)
    return -1;
  for (unsigned int i = 0; i < COLUMNS; i++)
  {
    fact const *x = t->columns[i].fact;
    int state = x && (x->at == offsetof(service_facts, state) || x->at == offsetof(service_facts, log));
    if (!x) continue;
    colour = state ? show_colour(t->w, state_in(x, f)) : "";
    if (service_append(sa, "%s", colour) < 0 ||
        put_cell(sa, t->columns + i, row[i].text, is_last(t, i)) < 0 ||
        service_append(sa, "%s%s", *colour ? PLAIN : "", is_last(t, i) ? "\n" : "  ") < 0)
      return -1;
  }
  return 0;
}

int show_table(stralloc *sa, show const *w)
{
  service_facts const *f = snapshot_services(w->s);
  size_t n = snapshot_count(w->s);
  table t = {.w = w, .cells = calloc(n + 1, COLUMNS * sizeof(cell))};
  int result = t.cells ? 0 : -1;

  choose_columns(&t);
  for (size_t i = 0; i < n && !result; i++)
    if (show_is_chosen(w, f[i].id)) fill_row(&t, t.cells + COLUMNS * i, f + i);
  drop_columns(&t);
  if (!result) result = put_titles(sa, &t);
  for (size_t i = 0; i < n && !result; i++)
    if (show_is_chosen(w, f[i].id)) result = put_row(sa, &t, t.cells + COLUMNS * i, f + i);
  free(t.cells);
  return result;
}

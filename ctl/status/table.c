#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ctl/status/show.h>
#include <ctl/words.h>

#define COLUMNS 16
#define GAP     2

typedef struct column_s column;
struct column_s
{
  status_field const *fact; /* 0: there is no such column */
  unsigned int width;
  int dropped;
};

typedef struct table_s table;
struct table_s
{
  show const *w;
  column columns[COLUMNS];
  column const *last; /* of those that are shown */
  stralloc texts;     /* what stands in the cells, row by row, each with a NUL */
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

static int is_number(status_field const *f)
{
  return f->type != FIELD_TEXT && f->type != FIELD_YES;
}

static void choose_columns(table *t)
{
  for (size_t i = 0; i < status_fields_count; i++)
    if (status_fields[i].column && status_fields[i].column <= COLUMNS)
      t->columns[status_fields[i].column - 1] =
          (column){.fact = status_fields + i, .width = (unsigned int)strlen(status_fields[i].title)};
}

static int fill_row(table *t, service_fields const *f)
{
  char words[FIELD_WORDS];

  for (column *c = t->columns; c < t->columns + COLUMNS; c++)
  {
    if (!c->fact) continue;
    char const *text = status_field_human(words, c->fact, status_field_value(c->fact, f), &t->w->s->now);
    size_t len = strlen(text);
    if (len > c->width) c->width = (unsigned int)len;
    if (!stralloc_catb(&t->texts, text, len + 1)) return -1;
  }
  return 0;
}

static int is_shown(column const *c)
{
  return c->fact && !c->dropped;
}

/* Columns that do not fit go, in the order of the table of facts. */
static void drop_columns(table *t)
{
  unsigned int symbol = t->w->symbols ? 2 : 0;

  for (;;)
  {
    unsigned int sum = symbol;
    column *least = 0;
    for (column *c = t->columns; c < t->columns + COLUMNS; c++)
    {
      if (!is_shown(c)) continue;
      t->last = c;
      sum += c->width + (sum > symbol ? GAP : 0);
      if (c->fact->keep && (!least || c->fact->keep < least->fact->keep)) least = c;
    }
    if (sum <= t->w->width || !least) return;
    least->dropped = 1;
  }
}

static int put_blanks(stralloc *sa, size_t n)
{
  if (!stralloc_readyplus(sa, n)) return -1;
  memset(sa->s + sa->len, ' ', n);
  sa->len += n;
  return 0;
}

static int put_cell(stralloc *sa, table const *t, column const *c, char const *text)
{
  size_t len = strlen(text);
  size_t blanks = len < c->width ? c->width - len : 0;
  int number = is_number(c->fact);

  if (number && put_blanks(sa, blanks) < 0) return -1;
  if (!stralloc_catb(sa, text, len)) return -1;
  return number || c == t->last ? 0 : put_blanks(sa, blanks);
}

static int put_end(stralloc *sa, table const *t, column const *c)
{
  return c != t->last ? put_blanks(sa, GAP) : stralloc_catb(sa, "\n", 1) ? 0 : -1;
}

static int put_titles(stralloc *sa, table const *t)
{
  if (t->w->symbols && put_blanks(sa, 2) < 0) return -1;
  for (column const *c = t->columns; c < t->columns + COLUMNS; c++)
    if (is_shown(c) && (put_cell(sa, t, c, c->fact->title) < 0 || put_end(sa, t, c) < 0)) return -1;
  return 0;
}

static service_state state_in(status_field const *f, service_fields const *s)
{
  return f->at == offsetof(service_fields, log) ? s->log_is : s->is;
}

static int put_coloured(stralloc *sa, table const *t, column const *c, char const *text, service_state is)
{
  char const *colour = show_colour(t->w, is);

  return stralloc_cats(sa, colour) && put_cell(sa, t, c, text) >= 0 && stralloc_cats(sa, *colour ? PLAIN : "")
             ? 0
             : -1;
}

/*
 * Only the states have colours: in a healthy bundle nothing else should catch the eye. text: the first of the
 * row's; becomes the first of the next row's.
 */
static int put_row(stralloc *sa, table const *t, char const **text, service_fields const *f)
{
  char const *colour = show_colour(t->w, f->is);

  if (t->w->symbols && service_append(sa, "%s%s%s ", colour, looks[f->is].symbol, *colour ? PLAIN : "") < 0)
    return -1;
  for (column const *c = t->columns; c < t->columns + COLUMNS; c++)
  {
    status_field const *x = c->fact;
    if (!x) continue;
    int state = x->at == offsetof(service_fields, state) || x->at == offsetof(service_fields, log);
    if (!c->dropped &&
        ((state ? put_coloured(sa, t, c, *text, state_in(x, f)) : put_cell(sa, t, c, *text)) < 0 ||
         put_end(sa, t, c) < 0))
      return -1;
    *text += strlen(*text) + 1;
  }
  return 0;
}

static int put_table(stralloc *sa, table *t)
{
  service_fields const *f = snapshot_services(t->w->s);
  size_t n = snapshot_count(t->w->s);
  char const *text;

  choose_columns(t);
  for (size_t i = 0; i < n; i++)
    if (show_is_chosen(t->w, f[i].id) && fill_row(t, f + i) < 0) return -1;
  drop_columns(t);
  if (put_titles(sa, t) < 0) return -1;
  text = t->texts.s;
  for (size_t i = 0; i < n; i++)
    if (show_is_chosen(t->w, f[i].id) && put_row(sa, t, &text, f + i) < 0) return -1;
  return 0;
}

int show_table(stralloc *sa, show const *w)
{
  table t = {.w = w, .texts = STRALLOC_ZERO};
  int result = put_table(sa, &t);

  stralloc_free(&t.texts);
  return result;
}

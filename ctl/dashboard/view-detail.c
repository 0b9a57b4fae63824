#include <stdio.h>
#include <string.h>

#include <ctl/dashboard/table.h>
#include <ctl/dashboard/view-internal.h>

/* --- everything about one service ---------------------------------------------------------------- */

#define WIDTH 40 /* columns for a status_field */
#define NAMES 19 /* of them for its title; one that is longer moves its value */

static int belongs(status_field const *f, char const *prefix)
{
  size_t n = strlen(prefix);
  return f->scope == FIELD_BUNDLE && !strncmp(f->name, prefix, n) && f->name[n] == '.';
}

/* The part of the bundle's facts that a service answers for. */
static int is_of(status_field const *f, char const *name)
{
  if (f->scope == FIELD_SERVICE) return 1;
  if (!strcmp(name, "monitor")) return belongs(f, "overload") || belongs(f, "queue");
  if (!strcmp(name, "spool") || !strcmp(name, "qmail-send")) return belongs(f, "queue");
  return belongs(f, name);
}

static status_value const *status_value_of(status_field const *f, snapshot const *s, service_fields const *v)
{
  return f->scope == FIELD_SERVICE ? status_field_value(f, v) : status_field_value(f, s);
}

static service_fields const *chosen_of(view const *v)
{
  return snapshot_find(v->s, v->u->chosen);
}

static int is_shown(status_field const *f, snapshot const *s, service_fields const *v)
{
  return is_of(f, v->id) && status_value_of(f, s, v)->known != NONE;
}

#define ITEMS 256

static size_t add_item(status_field const **list, size_t n, view const *v, service_fields const *x,
                       status_field const *f)
{
  if (n < ITEMS && strcmp(f->name, "name") && is_shown(f, v->s, x)) list[n++] = f;
  return n;
}

/* The table's columns first, then what else there is of the service, then what there is of its trade. */
static size_t collect(status_field const **list, view const *v)
{
  service_fields const *x = chosen_of(v);
  size_t n = 0;

  if (!x) return 0;
  for (unsigned int column = 1; column <= status_fields_count; column++)
    for (size_t i = 0; i < status_fields_count; i++)
      if (status_fields[i].column == column) n = add_item(list, n, v, x, status_fields + i);
  for (int scope = FIELD_SERVICE; scope <= FIELD_BUNDLE; scope++)
    for (size_t i = 0; i < status_fields_count; i++)
      if ((int)status_fields[i].scope == scope && !status_fields[i].column)
        n = add_item(list, n, v, x, status_fields + i);
  return n;
}

static int is_wide(status_field const *f, view const *v)
{
  char words[FIELD_WORDS];
  return strlen(status_field_human(words, f, status_value_of(f, v->s, chosen_of(v)), &v->s->now)) >
         WIDTH - NAMES - 2;
}

/* What is short, in columns; below that, lines of what is not; below that, the text. */
typedef struct lines_s lines;
struct lines_s
{
  status_field const *list[ITEMS]; /* the short ones first */
  size_t n;
  size_t nshort;
  size_t rows; /* of the short ones */
  size_t ntext;
};

static size_t count_lines(stralloc const *sa)
{
  size_t n = 0;
  for (size_t i = 0; i < sa->len; i++) n += sa->s[i] == '\n';
  return n;
}

static size_t across(int cols)
{
  return cols >= 2 * WIDTH ? (size_t)cols / WIDTH : 1;
}

static void find_lines(lines *l, view const *v, int cols)
{
  status_field const *wide[ITEMS];
  size_t n = collect(l->list, v);
  size_t nwide = 0;

  l->n = n;
  l->nshort = 0;
  for (size_t i = 0; i < n; i++)
    if (is_wide(l->list[i], v))
      wide[nwide++] = l->list[i];
    else
      l->list[l->nshort++] = l->list[i];
  for (size_t i = 0; i < nwide; i++) l->list[l->nshort + i] = wide[i];
  l->rows = (l->nshort + across(cols) - 1) / across(cols);
  l->ntext = count_lines(v->more);
}

static size_t lines_count(lines const *l)
{
  return l->rows + l->n - l->nshort + l->ntext;
}

size_t view_detail_lines(view const *v, int cols)
{
  lines l;

  find_lines(&l, v, cols);
  return lines_count(&l);
}

/* The facts' own names: `last_exit` as `last exit`, `smtpd.refused_per_minute` as `refused/min`. */
static int draw_name(canvas *c, rect r, status_field const *f)
{
  static char const minute[] = "_per_minute";
  char const *dot = f->scope == FIELD_BUNDLE ? strchr(f->name, '.') : 0;
  char name[64 + sizeof minute];
  size_t len = (size_t)snprintf(name, sizeof name, "%s", dot ? dot + 1 : f->name);

  if (len >= sizeof name) len = sizeof name - 1;
  if (len > sizeof minute && !strcmp(name + len + 1 - sizeof minute, minute))
    strcpy(name + len + 1 - sizeof minute, "/min");
  for (char *s = name; *s; s++)
    if (*s == '_') *s = ' ';
  return canvas_say(c, r.row, r.col + 1, r.cols - 1, STYLE_DIM, name);
}

static int larger(int a, int b)
{
  return a > b ? a : b;
}

static void draw_item(canvas *c, rect r, status_field const *f, view const *v)
{
  char words[FIELD_WORDS];
  service_fields const *x = chosen_of(v);
  status_value const *d = status_value_of(f, v->s, x);
  style look = d->known != KNOWN ? STYLE_DIM : STYLE_PLAIN;

  if (!strcmp(f->name, "state")) look = dash_state_style(x->is, x->wanted_now);
  r.col += 1 + larger(NAMES, 1 + draw_name(c, r, f));
  canvas_say(c, r.row, r.col, r.cols - NAMES - 1, look, status_field_human(words, f, d, &v->s->now));
}

/* Its headings begin at the left, all else behind blanks. */
static void draw_text(canvas *c, rect r, stralloc const *text, size_t line)
{
  char const *s = text->s;
  char const *end;

  while (line--) s += strcspn(s, "\n") + 1;
  end = strchr(s, '\n');
  canvas_text(c, r.row, r.col + 1, r.cols - 1, *s == ' ' ? STYLE_PLAIN : STYLE_HEAD, s, (size_t)(end - s), 0);
}

/* Columns are filled from above, as in a newspaper. */
static void draw_line(canvas *c, rect r, lines const *l, view const *v, size_t line)
{
  size_t nwide = l->n - l->nshort;
  int width = r.cols / (int)across(r.cols);

  if (line >= l->rows + nwide)
    draw_text(c, r, v->more, line - l->rows - nwide);
  else if (line >= l->rows)
    draw_item(c, r, l->list[l->nshort + line - l->rows], v);
  else
    for (size_t i = line; i < l->nshort; i += l->rows, r.col += width)
      draw_item(c, (rect){r.row, r.col, 1, width}, l->list[i], v);
}

void view_draw_detail(canvas *c, rect r, view const *v)
{
  char title[UI_NAME + 64];
  size_t first = v->u->detail;
  size_t n;
  lines l;

  find_lines(&l, v, r.cols);
  n = lines_count(&l);
  snprintf(title, sizeof title, "%s%s", v->u->chosen, n > (size_t)r.rows - 1 ? " (j and k scroll)" : "");
  view_draw_rule(c, r, title);
  for (int row = 1; row < r.rows && first < n; row++)
    draw_line(c, (rect){r.row + row, r.col, 1, r.cols}, &l, v, first++);
}

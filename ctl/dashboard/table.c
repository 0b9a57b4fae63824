#include <string.h>

#include <ctl/dashboard/table.h>

#define COLUMNS 24
#define MARKS   4 /* columns before the name: the selection, and a sign for the state */

typedef struct column_s column;
struct column_s
{
  status_field const *f;
  int width;
};

typedef struct columns_s columns;
struct columns_s
{
  column at[COLUMNS];
  int n;
};

style dash_state_style(service_state is, int should)
{
  switch (is)
  {
    case STATE_READY:
    case STATE_UP: return STYLE_GOOD;
    case STATE_STOPPED: return should ? STYLE_BAD : STYLE_DIM;
    case STATE_STARTING:
    case STATE_STOPPING:
    case STATE_RETRYING: return STYLE_NOTE;
    default: return STYLE_BAD;
  }
}

static void state_sign(canvas *c, int row, int col, style s, service_state is)
{
  static struct
  {
    wchar_t utf8;
    char ascii;
  } const signs[STATES] = {
      [STATE_UNKNOWN] = {L'?', '?'},
      [STATE_READY] = {L'\u25cf', '*'},
      [STATE_UP] = {L'\u25cf', '*'},
      [STATE_STARTING] = {L'\u25d0', '+'},
      [STATE_STOPPING] = {L'\u25d1', '-'},
      [STATE_STOPPED] = {L'\u25cb', '.'},
      [STATE_RETRYING] = {L'\u25b3', '~'},
      [STATE_FAILED] = {L'\u2717', '!'},
      [STATE_FAILED_RETRYING] = {L'\u2717', '!'},
      [STATE_MISSING] = {L'\u2717', '!'},
  };
  canvas_char(c, row, col, s, signs[is].utf8, signs[is].ascii);
}

size_t dash_table_filter(size_t *at, snapshot const *s, char const *filter)
{
  size_t n = 0;

  for (size_t i = 0; i < snapshot_count(s); i++)
  {
    service_fields const *f = snapshot_services(s) + i;
    char const *state = service_states[f->is];
    if (ui_matches(filter, f->id, strlen(f->id)) || ui_matches(filter, state, strlen(state))) at[n++] = i;
  }
  return n;
}

/* --- columns ------------------------------------------------------------------------------------- */

static int larger(int a, int b)
{
  return a > b ? a : b;
}

static int is_right(status_field const *f)
{
  return f->type != FIELD_TEXT && f->type != FIELD_YES;
}

/* Room for what a value may grow to in the next hours, so that columns stay where they are. */
static int usual_width(status_field const *f)
{
  switch (f->type)
  {
    case FIELD_TIME: return 6;
    case FIELD_PERCENT:
    case FIELD_BYTES: return 5;
    case FIELD_COUNT: return strcmp(f->name, "pid") ? 4 : 7;
    default: return strcmp(f->name, "state") ? 0 : 8;
  }
}

static void collect(columns *k)
{
  k->n = 0;
  for (unsigned int place = 1; place <= COLUMNS; place++)
    for (size_t i = 0; i < status_fields_count; i++)
      if (status_fields[i].scope == FIELD_SERVICE && status_fields[i].column == place && k->n < COLUMNS)
        k->at[k->n++] =
            (column){.f = status_fields + i,
                     .width = larger(usual_width(status_fields + i), (int)strlen(status_fields[i].title))};
}

/* Of all services, so that scrolling and filtering move no column. */
static void measure(columns *k, snapshot const *s)
{
  char words[FIELD_WORDS];

  for (size_t i = 0; i < snapshot_count(s); i++)
    for (int j = 0; j < k->n; j++)
    {
      status_field const *f = k->at[j].f;
      int width =
          (int)strlen(status_field_human(words, f, status_field_value(f, snapshot_services(s) + i), &s->now));
      if (width > k->at[j].width) k->at[j].width = width;
    }
}

static int total(columns const *k)
{
  int sum = MARKS;
  for (int j = 0; j < k->n; j++) sum += k->at[j].width + 2 * (j > 0);
  return sum;
}

/* Those with the smallest `keep` go first. */
static void fit(columns *k, int cols)
{
  while (total(k) > cols)
  {
    int least = -1;
    for (int j = 0; j < k->n; j++)
      if (k->at[j].f->keep && (least < 0 || k->at[j].f->keep < k->at[least].f->keep)) least = j;
    if (least < 0) return;
    k->n--;
    memmove(k->at + least, k->at + least + 1, (size_t)(k->n - least) * sizeof k->at[0]);
  }
}

/* --- drawing ------------------------------------------------------------------------------------- */

static style cell_style(status_field const *f, service_fields const *v)
{
  if (!strcmp(f->name, "state")) return dash_state_style(v->is, v->wanted_now);
  if (!strcmp(f->name, "log")) return v->log_is == v->is ? STYLE_PLAIN : dash_state_style(v->log_is, 1);
  if (!strcmp(f->name, "runs") && v->runs_reason.known == KNOWN) return STYLE_NOTE;
  if (!strcmp(f->name, "restarts") && v->restarts.known == KNOWN && v->restarts.n) return STYLE_NOTE;
  return status_field_value(f, v)->known == KNOWN ? STYLE_PLAIN : STYLE_DIM;
}

static void draw_cell(canvas *c, int row, int col, int room, column const *k, style s, char const *text)
{
  int len = (int)strlen(text);
  int width = k->width < room ? k->width : room;

  if (is_right(k->f) && len < width)
  {
    col += width - len;
    width = len;
  }
  canvas_say(c, row, col, width, s, text);
}

static void draw_heading(canvas *c, rect r, columns const *k)
{
  int col = r.col + MARKS;

  canvas_fill(c, (rect){r.row, r.col, 1, r.cols}, STYLE_HEAD, L' ');
  for (int j = 0; j < k->n && col < r.cols; col += k->at[j++].width + 2)
    draw_cell(c, r.row, col, r.cols - col, k->at + j, STYLE_HEAD, k->at[j].f->title);
}

static void draw_service(canvas *c, rect r, columns const *k, snapshot const *s, service_fields const *v,
                         int chosen)
{
  char words[FIELD_WORDS];
  int col = r.col + MARKS;

  state_sign(c, r.row, r.col + 2, dash_state_style(v->is, v->wanted_now), v->is);
  for (int j = 0; j < k->n && col < r.cols; col += k->at[j++].width + 2)
  {
    status_field const *f = k->at[j].f;
    draw_cell(c, r.row, col, r.cols - col, k->at + j, cell_style(f, v),
              status_field_human(words, f, status_field_value(f, v), &s->now));
  }
  if (!chosen) return;
  canvas_paint(c, r.row, r.col, r.cols, STYLE_CHOSEN);
  canvas_char(c, r.row, r.col, STYLE_CHOSEN, L'\u25b6', '>');
}

/* At the right edge: how much more there is, where not all fit. */
static void draw_more(canvas *c, rect r, size_t top, size_t shown, size_t n)
{
  if (top) canvas_char(c, r.row + 1, r.col + r.cols - 1, STYLE_DIM, L'\u25b2', '^');
  if (top + shown < n) canvas_char(c, r.row + r.rows - 1, r.col + r.cols - 1, STYLE_DIM, L'\u25bc', 'v');
}

void dash_table_draw(canvas *c, rect r, snapshot const *s, size_t const *at, size_t n, ui const *u)
{
  size_t rows = r.rows > 1 ? (size_t)r.rows - 1 : 0;
  columns k;

  collect(&k);
  measure(&k, s);
  fit(&k, r.cols);
  draw_heading(c, r, &k);
  for (size_t i = 0; i < rows && u->top + i < n; i++)
  {
    service_fields const *v = snapshot_services(s) + at[u->top + i];
    draw_service(c, (rect){r.row + 1 + (int)i, r.col, 1, r.cols}, &k, s, v, !strcmp(v->id, u->chosen));
  }
  if (rows) draw_more(c, r, u->top, rows, n);
}

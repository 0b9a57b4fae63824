#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <ctl/dashboard/table.h>
#include <ctl/dashboard/view-internal.h>
#include <ctl/words.h>

size_t view_items(view const *v, int cols)
{
  return v->u->page == PAGE_HELP     ? view_help_lines()
         : v->u->page == PAGE_DETAIL ? view_detail_lines(v, cols)
                                     : 0;
}

/* A message that is too long for a line takes others from the log, and leaves it three. */
static void widen_message(layout *l, view const *v, int cols)
{
  int more =
      (view_message_rows(v, cols) - 1 < l->log.rows - 3 ? view_message_rows(v, cols) - 1 : l->log.rows - 3);

  if (more < 1 || l->message.rows != 1) return;
  l->log.rows -= more;
  l->message.row -= more;
  l->message.rows += more;
}

int view_layout(layout *l, view const *v, int rows, int cols)
{
  int left;

  if (v->u->page == PAGE_OVERVIEW)
  {
    if (layout_overview(l, rows, cols, v->n, view_fields(v->s)) < 0) return -1;
    widen_message(l, v, cols);
    return 0;
  }
  if (layout_page(l, rows, cols) < 0) return -1;
  if (v->u->page != PAGE_DETAIL || l->table.rows < 10) return 0;
  /* Below the facts, the log: what they leave, and a third at least. */
  left = (int)view_detail_lines(v, cols) + 1;
  if (left > l->table.rows - l->table.rows / 3) left = l->table.rows - l->table.rows / 3;
  l->log = (rect){l->table.row + left, 0, l->table.rows - left, cols};
  l->table.rows = left;
  return 0;
}

void view_draw_rule(canvas *c, rect r, char const *text)
{
  for (int i = 0; i < r.cols; i++) canvas_char(c, r.row, r.col + i, STYLE_DIM, L'\u2500', '-');
  if (r.cols < 8) return;
  canvas_say(c, r.row, r.col + 2, 1, STYLE_HEAD, " ");
  canvas_say(c, r.row, r.col + 3 + canvas_say(c, r.row, r.col + 3, r.cols - 5, STYLE_HEAD, text), 1,
             STYLE_HEAD, " ");
}

/* What a command says, line by line; its end, if not all fits. */
static void draw_said(canvas *c, rect r, stralloc const *said)
{
  dash_log l = DASH_LOG_ZERO;

  l.bytes = *said;
  if (dash_log_split(&l) >= 0) dash_log_draw(c, r, &l, 0, 0, 0, 0);
  genalloc_free(size_t, &l.lines);
}

static void draw_run(canvas *c, rect r, dash_run const *run)
{
  char words[WORDS_MAX];
  char title[sizeof run->title + WORDS_MAX + 32];

  if (run->pid)
    snprintf(title, sizeof title, "%s: runs", run->title);
  else if (!run->wstat)
    snprintf(title, sizeof title, "%s: done; Esc closes", run->title);
  else
    snprintf(title, sizeof title, "%s: %s; Esc closes", run->title, words_exit(words, run->wstat));
  view_draw_rule(c, r, title);
  r.row++;
  r.rows--;
  draw_said(c, r, &run->said);
}

static void draw_no_log(canvas *c, rect r, view const *v)
{
  char const *why = v->log_error == ENOENT ? "there is none" : strerror(v->log_error);
  canvas_say(c, r.row, r.col + 2, r.cols - 2, STYLE_DIM, why);
}

static void draw_log(canvas *c, rect r, view const *v)
{
  char title[UI_NAME + 64];

  if (r.rows < 1) return;
  if (v->run->fd >= 0)
  {
    draw_run(c, r, v->run);
    return;
  }
  snprintf(title, sizeof title, "log of %s", *v->u->chosen ? v->u->chosen : "nothing");
  view_draw_rule(c, r, title);
  r.row++;
  r.rows--;
  if (v->log_error)
    draw_no_log(c, r, v);
  else
    dash_log_draw(c, r, v->log, 0, 0, 0, 0);
}

static void draw_log_page(canvas *c, rect r, view const *v)
{
  char title[UI_NAME + UI_TEXT + 64];
  size_t n = dash_log_count(v->log);
  int len = snprintf(title, sizeof title, "log of %s: line %zu of %zu%s", v->u->chosen,
                     v->u->match && v->u->match <= n ? n + 1 - v->u->match : n - v->u->up, n,
                     v->u->up || v->u->match ? "" : ", follows");

  if (!n) len = snprintf(title, sizeof title, "log of %s: empty", v->u->chosen);
  if (*v->u->search) snprintf(title + len, sizeof title - (size_t)len, ", search: %s", v->u->search);
  view_draw_rule(c, r, title);
  r.row++;
  r.rows--;
  if (v->log_error)
    draw_no_log(c, r, v);
  else
    dash_log_draw(c, r, v->log, v->u->up, v->u->left, v->u->search, r.cols >= 100);
}

static uint64_t number_of(status_value const *d)
{
  return d->known == KNOWN ? d->n : 0;
}

static void draw_curve(canvas *c, rect r, view const *v)
{
  curve k = v->backlog;

  k.enter = number_of(&v->s->queue.enter);
  k.leave = number_of(&v->s->queue.leave);
  k.severe_enter = number_of(&v->s->queue.severe_enter);
  if (r.rows > 2) curve_draw(c, r, &k);
}

static void draw_overview(canvas *c, layout const *l, view const *v)
{
  view_draw_level(c, l->level, v->s);
  draw_curve(c, l->curve, v);
  view_draw_facts(c, l->status_fields, v->s);
  dash_table_draw(c, l->table, v->s, v->at, v->n, v->u);
  if (!v->n && l->table.rows > 1)
    canvas_say(c, l->table.row + 1, 4, c->cols - 4, STYLE_DIM,
               *v->u->filter ? "no service is called so" : "nothing was ever brought up; u does that");
  draw_log(c, l->log, v);
}

void view_draw(canvas *c, view const *v)
{
  layout l;

  if (view_layout(&l, v, c->rows, c->cols) < 0)
  {
    canvas_say(c, 0, 0, c->cols, STYLE_PLAIN, "too small; q quits");
    return;
  }
  switch (v->u->page)
  {
    case PAGE_LOG: draw_log_page(c, l.table, v); break;
    case PAGE_HELP: view_draw_help(c, l.table, v); break;
    case PAGE_DETAIL:
      view_draw_detail(c, l.table, v);
      draw_log(c, l.log, v);
      break;
    default: draw_overview(c, &l, v); break;
  }
  view_draw_frame(c, &l, v);
}

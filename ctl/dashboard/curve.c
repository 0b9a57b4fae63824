#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <ctl/dashboard/curve.h>
#include <ctl/words.h>

#define MARGIN 8 /* columns for the scale, at the left */

/* The next of 1, 2, 5, 10, 20, ... from x on, with no more than a quarter of air above it. */
static uint64_t round_up(uint64_t x)
{
  static unsigned int const steps[] = {4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40};
  uint64_t unit = 1;

  if (x > UINT64_MAX / 100) return UINT64_MAX;
  while (40 * unit < x) unit *= 10;
  for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
    if (steps[i] * unit >= x) return steps[i] * unit;
  return x;
}

uint64_t curve_top(curve const *v)
{
  uint64_t top = v->enter + v->enter / 4;

  for (size_t i = 0; i < v->n; i++)
    if (v->points[i].time && v->points[i].backlog > top) top = v->points[i].backlog;
  if (v->severe_enter && v->severe_enter / 4 <= top && v->severe_enter + v->severe_enter / 8 > top)
    top = v->severe_enter + v->severe_enter / 8;
  return round_up(top);
}

unsigned int curve_height(uint64_t value, uint64_t top, int rows)
{
  uint64_t full = CURVE_PARTS * (uint64_t)rows;
  uint64_t h;

  if (!value || !top || rows <= 0) return 0;
  if (value >= top) return (unsigned int)full;
  h = value > UINT64_MAX / full ? value / (top / full) : value * full / top;
  return h ? (unsigned int)h : 1;
}

int curve_row(uint64_t threshold, uint64_t top, int rows)
{
  if (!threshold || threshold > top || rows <= 0) return -1;
  return rows - 1 - (int)((curve_height(threshold, top, rows) - 1) / CURVE_PARTS);
}

unsigned int curve_step(size_t n, unsigned int seconds)
{
  unsigned int step;

  if (!n) return HISTORY_STEP;
  step = (unsigned int)((seconds + n - 1) / n);
  step = (step + HISTORY_STEP - 1) / HISTORY_STEP * HISTORY_STEP;
  return step ? step : HISTORY_STEP;
}

int curve_columns(rect r)
{
  return r.cols > MARGIN ? r.cols - MARGIN : 0;
}

/* ------------------------------------------------------------------------------------------------- */

static style point_style(history_point const *p)
{
  return p->level >= 2 ? STYLE_BAD : p->level == 1 ? STYLE_NOTE : STYLE_CURVE;
}

static void draw_point(canvas *c, rect r, int col, history_point const *p, uint64_t top)
{
  static wchar_t const blocks[] = L" \u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588";
  static char const letters[] = " ...::::#";
  int h = (int)curve_height(p->backlog, top, r.rows);

  if (!p->time) return;
  for (int row = r.rows - 1; row >= 0 && h > 0; row--, h -= CURVE_PARTS)
  {
    int part = h < CURVE_PARTS ? h : CURVE_PARTS;
    canvas_char(c, r.row + row, col, point_style(p), blocks[part], letters[part]);
  }
  /* For a while nobody could count. */
  if (p->bits & HISTORY_UNKNOWN) canvas_char(c, r.row + r.rows - 1, col, STYLE_NOTE, L'?', '?');
}

static void label(canvas *c, rect r, int row, style s, uint64_t n)
{
  char text[24];
  int len = snprintf(text, sizeof text, "%" PRIu64, n);

  if (len > MARGIN - 2)
    len = snprintf(text, sizeof text, n < 10000000 ? "%" PRIu64 "k" : "%" PRIu64 "M",
                   n < 10000000 ? n / 1000 : n / 1000000);
  canvas_say(c, r.row + row, r.col + MARGIN - 2 - len, len, s, text);
}

/* Behind the curve: where it stands above the threshold, one sees that it does. */
static void draw_threshold(canvas *c, rect r, uint64_t threshold, uint64_t top, style s, char const *name)
{
  int row = curve_row(threshold, top, r.rows);
  int last = r.col + r.cols;
  int len = (int)strlen(name);

  if (row < 0) return;
  for (int col = r.col + MARGIN; col < last; col++) canvas_char(c, r.row + row, col, s, L'\u2504', '-');
  label(c, r, row, s, threshold);
  if (len + 20 < r.cols - MARGIN) canvas_say(c, r.row + row, last - len - 2, len, s, name);
}

static void draw_axis(canvas *c, rect r, curve const *v)
{
  char words[WORDS_MAX];
  char text[WORDS_MAX + 8];
  int row = r.row + r.rows - 1;
  int len =
      snprintf(text, sizeof text, "%s ago", words_span(words, 1000ull * v->step * (unsigned long long)v->n));

  canvas_say(c, row, r.col + MARGIN, r.cols - MARGIN, STYLE_DIM, text);
  if (len + 20 < r.cols - MARGIN)
    canvas_say(c, row, r.col + MARGIN + (r.cols - MARGIN - 7) / 2, 7, STYLE_DIM, "backlog");
  canvas_say(c, row, r.col + r.cols - 3, 3, STYLE_DIM, "now");
}

void curve_draw(canvas *c, rect r, curve const *v)
{
  rect plot = {.row = r.row, .col = r.col, .rows = r.rows - 1, .cols = r.cols};
  uint64_t top = curve_top(v);

  if (plot.rows < 1 || curve_columns(r) < 10) return;
  for (int row = 0; row < plot.rows; row++)
    canvas_char(c, plot.row + row, r.col + MARGIN - 1, STYLE_DIM, L'\u2502', '|');
  label(c, plot, 0, STYLE_DIM, top);
  label(c, plot, plot.rows - 1, STYLE_DIM, 0);
  draw_threshold(c, plot, v->leave, top, STYLE_DIM, "leave");
  draw_threshold(c, plot, v->enter, top, STYLE_NOTE, "overloaded");
  draw_threshold(c, plot, v->severe_enter, top, STYLE_BAD, "severe");
  for (size_t i = 0; i < v->n && i < (size_t)curve_columns(r); i++)
    draw_point(c, plot, r.col + MARGIN + (int)i, v->points + i, top);
  draw_axis(c, r, v);
}

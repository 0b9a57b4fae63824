#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <runlib/utf8.h>

#include <ctl/dashboard/canvas.h>

int canvas_resize(canvas *c, int rows, int cols)
{
  size_t n;

  if (rows > CANVAS_MAX) rows = CANVAS_MAX;
  if (cols > CANVAS_MAX) cols = CANVAS_MAX;
  n = (size_t)rows * (size_t)cols;
  if (rows != c->rows || cols != c->cols)
  {
    free(c->at);
    c->at = malloc((n ? n : 1) * sizeof *c->at);
    c->rows = c->at ? rows : 0;
    c->cols = c->at ? cols : 0;
    if (!c->at) return (errno = ENOMEM, -1);
  }
  for (size_t i = 0; i < n; i++) c->at[i] = (glyph){.c = L' ', .style = STYLE_PLAIN};
  return 0;
}

void canvas_free(canvas *c)
{
  free(c->at);
  *c = (canvas)CANVAS_ZERO;
}

static glyph *cell_at(canvas *c, int row, int col)
{
  return row >= 0 && row < c->rows && col >= 0 && col < c->cols ? c->at + (size_t)row * (size_t)c->cols + col
                                                                : 0;
}

void canvas_fill(canvas *c, rect r, style s, wchar_t with)
{
  for (int i = 0; i < r.rows; i++)
    for (int j = 0; j < r.cols; j++)
    {
      glyph *g = cell_at(c, r.row + i, r.col + j);
      if (g) *g = (glyph){.c = with, .style = (unsigned char)s};
    }
}

void canvas_char(canvas *c, int row, int col, style s, wchar_t with, char ascii)
{
  glyph *g = cell_at(c, row, col);
  if (g) *g = (glyph){.c = c->utf8 ? with : (wchar_t)(unsigned char)ascii, .style = (unsigned char)s};
}

size_t canvas_scan(wchar_t *c, int *width, char const *s, size_t len, int utf8)
{
  unsigned int u = ' ';
  size_t n = *s == '\t' ? 1 : utf8_scan(&u, s, len);
  int w = u < 0x80 ? 1 : utf8 ? wcwidth((wchar_t)u) : -1;

  *c = w < 0 ? L'?' : (wchar_t)u;
  *width = w < 0 ? 1 : w;
  return n;
}

int canvas_text(canvas *c, int row, int col, int width, style s, char const *text, size_t len, int skip)
{
  int used = 0;

  while (len && used < width)
  {
    wchar_t w;
    int columns;
    size_t n = canvas_scan(&w, &columns, text, len, c->utf8);
    text += n;
    len -= n;
    if (skip > 0)
    {
      skip -= columns;
      continue;
    }
    if (!columns) continue;
    if (used + columns > width) break;
    for (int i = 0; i < columns; i++)
    {
      glyph *g = cell_at(c, row, col + used + i);
      if (g) *g = (glyph){.c = i ? 0 : w, .style = (unsigned char)s};
    }
    /* Half of a wide character at the edge of the screen. */
    if (columns > 1 && !cell_at(c, row, col + used + 1)) canvas_char(c, row, col + used, s, L' ', ' ');
    used += columns;
  }
  return used;
}

int canvas_say(canvas *c, int row, int col, int width, style s, char const *text)
{
  return canvas_text(c, row, col, width, s, text, strlen(text), 0);
}

void canvas_paint(canvas *c, int row, int col, int n, style s)
{
  for (int i = 0; i < n; i++)
  {
    glyph *g = cell_at(c, row, col + i);
    if (g) g->style = (unsigned char)s;
  }
}

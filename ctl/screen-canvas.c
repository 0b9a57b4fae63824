#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <ctl/screen-canvas.h>

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

/* The bytes that follow a first byte of UTF-8, and the bits that the first one has itself; -1: no first byte. */
static int scan_first(unsigned char first, unsigned int *bits)
{
  if (first >= 0xc2 && first < 0xe0) return (*bits = first & 31u, 1);
  if (first >= 0xe0 && first < 0xf0) return (*bits = first & 15u, 2);
  if (first >= 0xf0 && first < 0xf5) return (*bits = first & 7u, 3);
  return -1;
}

/* Those that turn the direction of writing can make a line look like another one. */
static int turns(unsigned int u)
{
  return (u >= 0x200e && u <= 0x200f) || (u >= 0x2028 && u <= 0x202e) || (u >= 0x2066 && u <= 0x2069);
}

size_t canvas_scan(wchar_t *c, int *width, char const *s, size_t len, int utf8)
{
  static unsigned int const least[4] = {0, 0x80, 0x800, 0x10000};
  unsigned char first = (unsigned char)*s;
  unsigned int u = 0;
  int n = scan_first(first, &u);

  *c = L'?';
  *width = 1;
  if (first < 0x80)
  {
    if (first >= 32 && first != 127) *c = (wchar_t)first;
    if (first == '\t') *c = L' ';
    return 1;
  }
  if (n < 0 || (size_t)n >= len) return 1;
  for (int i = 1; i <= n; i++)
  {
    if (((unsigned char)s[i] & 0xc0) != 0x80) return 1;
    u = u << 6 | ((unsigned char)s[i] & 63u);
  }
  if (u < least[n] || u > 0x10ffff || (u >= 0xd800 && u < 0xe000)) return 1;
  if (utf8 && !turns(u) && wcwidth((wchar_t)u) >= 0)
  {
    *c = (wchar_t)u;
    *width = wcwidth((wchar_t)u);
  }
  return (size_t)n + 1;
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

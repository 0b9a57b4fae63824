#include <string.h>

#include <ctl/dashboard/level.h>

/* Rows of three points, the left one first, as octal digits. */
static struct
{
  char c;
  unsigned char rows[LEVEL_ROWS];
} const font[] = {
    {'0', {7, 5, 5, 5, 7}}, {'1', {2, 6, 2, 2, 7}}, {'2', {7, 1, 7, 4, 7}}, {'3', {7, 1, 7, 1, 7}},
    {'4', {5, 5, 7, 1, 1}}, {'5', {7, 4, 7, 1, 7}}, {'6', {7, 4, 7, 5, 7}}, {'7', {7, 1, 1, 1, 1}},
    {'8', {7, 5, 7, 5, 7}}, {'9', {7, 5, 7, 1, 7}}, {'A', {2, 5, 7, 5, 5}}, {'C', {7, 4, 4, 4, 7}},
    {'D', {6, 5, 5, 5, 6}}, {'E', {7, 4, 7, 4, 7}}, {'F', {7, 4, 6, 4, 4}}, {'I', {7, 2, 2, 2, 7}},
    {'K', {5, 5, 6, 5, 5}}, {'L', {4, 4, 4, 4, 7}}, {'N', {7, 5, 5, 5, 5}}, {'O', {7, 5, 5, 5, 7}},
    {'R', {6, 5, 6, 5, 5}}, {'S', {7, 4, 7, 1, 7}}, {'U', {5, 5, 5, 5, 7}}, {'V', {5, 5, 5, 5, 2}},
    {'W', {5, 5, 7, 7, 5}}, {'?', {7, 1, 3, 0, 2}},
};

static unsigned char const *find(char c)
{
  static unsigned char const blank[LEVEL_ROWS] = {0};

  for (size_t i = 0; i < sizeof font / sizeof font[0]; i++)
    if (font[i].c == c) return font[i].rows;
  return blank;
}

int level_width(char const *text, int wide)
{
  int n = (int)strlen(text);
  return n ? (4 * n - 1) * wide : 0;
}

int level_scale(char const *text, rect r)
{
  int scale = r.rows / LEVEL_ROWS;

  while (scale && level_width(text, 2 * scale) > r.cols) scale--;
  return scale;
}

static int is_set(char const *text, int row, int point)
{
  return point % 4 < 3 && (find(text[point / 4])[row] & (4 >> point % 4));
}

void level_draw(canvas *c, rect r, style s, char const *text, int high, int wide)
{
  int points = level_width(text, 1);

  for (int row = 0; row < LEVEL_ROWS * high && row < r.rows; row++)
    for (int col = 0; col < points * wide && col < r.cols; col++)
      if (is_set(text, row / high, col / wide)) canvas_char(c, r.row + row, r.col + col, s, L'\u2588', '#');
}

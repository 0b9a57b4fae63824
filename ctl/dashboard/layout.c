#include <stddef.h>

#include <ctl/dashboard/layout.h>

static int at_least(int x, int least)
{
  return x < least ? least : x;
}

static int at_most(int x, int most)
{
  return x > most ? most : x;
}

int layout_page(layout *l, int rows, int cols)
{
  static layout const none;

  *l = none;
  if (rows < LAYOUT_ROWS || cols < LAYOUT_COLS) return -1;
  l->title = (rect){0, 0, 1, cols};
  l->keys = (rect){rows - 1, 0, 1, cols};
  l->message = (rect){rows - 2, 0, rows > LAYOUT_ROWS, cols};
  l->table = (rect){1, 0, rows - 2 - l->message.rows, cols};
  return 0;
}

/* How many rows the level and the curve get, of so many. */
static int top_rows(int rows)
{
  return rows >= 44 ? 12 : rows >= 30 ? 8 : rows >= 22 ? 6 : rows >= 8 ? 1 : 0;
}

static int status_fields_rows(int rows, int status_fields)
{
  return rows >= 36   ? status_fields
         : rows >= 30 ? at_most(status_fields, 3)
         : rows >= 22 ? at_most(status_fields, 1)
                      : 0;
}

static int level_cols(int top, int cols)
{
  if (top == 1 || cols < 60) return cols;
  return top >= 10 ? at_most(cols / 2, 48) : 26;
}

int layout_overview(layout *l, int rows, int cols, size_t services, int status_fields)
{
  int wanted = services > CANVAS_MAX ? CANVAS_MAX : (int)services + 1;
  int row = 1;
  int left, table;

  if (layout_page(l, rows, cols) < 0) return -1;
  left = l->table.rows;
  l->level = (rect){row, 0, top_rows(rows), level_cols(top_rows(rows), cols)};
  if (l->level.cols < cols) l->curve = (rect){row, l->level.cols, l->level.rows, cols - l->level.cols};
  row += l->level.rows;
  l->status_fields = (rect){row, 0, status_fields_rows(rows, status_fields), cols};
  row += l->status_fields.rows;
  left -= l->level.rows + l->status_fields.rows;
  /* The log gets what the table leaves, but a third in any case, if that is anything. */
  table = at_most(at_least(wanted, 2), left - (left >= 9 ? left / 3 : 0));
  if (left - table < 3) table = left;
  l->table = (rect){row, 0, table, cols};
  l->log = (rect){row + table, 0, left - table, cols};
  return 0;
}

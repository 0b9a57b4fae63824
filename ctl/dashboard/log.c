#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/direntry.h>
#include <skalibs/djbunix.h>
#include <skalibs/tai.h>

#include <runlib/tail.h>
#include <runlib/walk.h>

#include <services/contract/service.h>

#include <ctl/dashboard/log.h>
#include <ctl/dashboard/ui.h>

int dash_log_turn(dash_log *l, char const *dir)
{
  size_t len = strlen(dir);

  if (l->dir.len == len && !memcmp(l->dir.s, dir, len)) return 0;
  l->dir.len = l->bytes.len = 0;
  genalloc_setlen(size_t, &l->lines, 0);
  l->max = 0;
  if (!stralloc_catb(&l->dir, dir, len + 1)) return -1;
  l->dir.len--;
  return 0;
}

void dash_log_free(dash_log *l)
{
  stralloc_free(&l->dir);
  stralloc_free(&l->bytes);
  genalloc_free(size_t, &l->lines);
}

int dash_log_split(dash_log *l)
{
  size_t at = 0;

  genalloc_setlen(size_t, &l->lines, 0);
  while (at < l->bytes.len)
  {
    char const *end = memchr(l->bytes.s + at, '\n', l->bytes.len - at);
    if (!genalloc_append(size_t, &l->lines, &at)) return -1;
    at = end ? (size_t)(end - l->bytes.s) + 1 : l->bytes.len;
  }
  return 0;
}

char const *dash_log_line(dash_log const *l, size_t i, size_t *len)
{
  size_t from = genalloc_s(size_t, &l->lines)[i];
  size_t to = i + 1 < dash_log_count(l) ? genalloc_s(size_t, &l->lines)[i + 1] : l->bytes.len;

  if (to > from && l->bytes.s[to - 1] == '\n') to--;
  *len = to - from;
  return l->bytes.s + from;
}

size_t dash_log_find(dash_log const *l, size_t i, int step, char const *text)
{
  size_t n = dash_log_count(l);

  for (i += (size_t)step; i < n; i += (size_t)step)
  {
    size_t len;
    char const *line = dash_log_line(l, i, &len);
    if (ui_matches(text, line, len)) return i;
  }
  return n;
}

/* --- reading ------------------------------------------------------------------------------------- */

static int read_end(stralloc *sa, char const *file, size_t max)
{
  int fd = walk_open(AT_FDCWD, file, O_RDONLY, 0);
  int result = fd < 0 ? -1 : tail_read(sa, fd, max, 0);

  if (fd >= 0) fd_close(fd);
  return result;
}

/* The name of the newest rotated file; empty: there is none. */
static void find_rotated(char *newest, size_t max, char const *dir)
{
  DIR *d = opendir(dir);
  direntry *e;

  *newest = 0;
  if (!d) return;
  while ((e = readdir(d)))
    if (e->d_name[0] == '@' && strlen(e->d_name) < max && strcmp(e->d_name, newest) > 0)
      strcpy(newest, e->d_name);
  dir_close(d);
}

static int read_all(dash_log *l, char const *current, off_t size, size_t max)
{
  char rotated[64];
  stralloc path = STRALLOC_ZERO;
  int result;

  l->bytes.len = 0;
  if (size < (off_t)max)
  {
    find_rotated(rotated, sizeof rotated, l->dir.s);
    if (*rotated && service_append(&path, "%s/%s", l->dir.s, rotated) >= 0 && stralloc_0(&path))
      (void)read_end(&l->bytes, path.s, max - (size_t)size);
    stralloc_free(&path);
  }
  result = read_end(&l->bytes, current, max);
  return result < 0 ? -1 : dash_log_split(l);
}

int dash_log_read(dash_log *l, size_t max)
{
  stralloc current = STRALLOC_ZERO;
  struct stat st;
  int result = -1;

  if (service_append(&current, "%s/current", l->dir.s) >= 0 && stralloc_0(&current) &&
      lstat(current.s, &st) >= 0)
  {
    result = l->max != max || l->dev != st.st_dev || l->ino != st.st_ino || l->size != st.st_size;
    l->max = max;
    l->dev = st.st_dev;
    l->ino = st.st_ino;
    l->size = st.st_size;
    if (result && read_all(l, current.s, st.st_size, max) < 0) result = -1;
  }
  if (result < 0)
  {
    l->max = 0;
    l->bytes.len = 0;
    genalloc_setlen(size_t, &l->lines, 0);
  }
  stralloc_free(&current);
  return result;
}

/* --- drawing ------------------------------------------------------------------------------------- */

/* s6-log's stamp as local time in words; the bytes that it took, 0: there is none. */
void dash_clock(char s[DASH_CLOCK], tain const *t, tain const *today)
{
  struct timespec ts;
  struct tm tm, now;
  int other = 0;

  *s = 0;
  if (!timespec_sysclock_from_tain(&ts, t) || !localtime_r(&ts.tv_sec, &tm)) return;
  if (today && timespec_sysclock_from_tain(&ts, today) && localtime_r(&ts.tv_sec, &now))
    other = tm.tm_year != now.tm_year || tm.tm_yday != now.tm_yday;
  if (!strftime(s, DASH_CLOCK, other ? "%Y-%m-%d %H:%M:%S" : "%H:%M:%S", &tm)) *s = 0;
}

static size_t read_stamp(char *words, size_t max, char const *line, size_t len, int date)
{
  char stamp[TIMESTAMP + 1];
  struct timespec ts;
  struct tm tm;
  size_t n;
  tain t, now;

  *words = 0;
  if (len < TIMESTAMP) return 0;
  memcpy(stamp, line, TIMESTAMP);
  stamp[TIMESTAMP] = 0;
  if (timestamp_scan(stamp, &t) != TIMESTAMP || !timespec_sysclock_from_tain(&ts, &t) ||
      !localtime_r(&ts.tv_sec, &tm))
    return 0;
  if (!date)
  {
    if (tain_wallclock_read(&now)) dash_clock(words, &t, &now);
    return TIMESTAMP;
  }
  n = strftime(words, max, "%Y-%m-%d %H:%M:%S", &tm);
  snprintf(words + n, max - n, ".%03ld", ts.tv_nsec / 1000000);
  return TIMESTAMP;
}

/* Words that everybody should see. */
static style line_style(char const *s, size_t len)
{
  static char const *const bad[] = {"fatal", "unable", "error", "failed", "refused"};

  if (ui_matches("warning", s, len < 200 ? len : 200)) return STYLE_NOTE;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    if (ui_matches(bad[i], s, len < 200 ? len : 200)) return STYLE_BAD;
  return STYLE_PLAIN;
}

/* The columns before byte n. */
static int columns(char const *s, size_t n, int utf8)
{
  int sum = 0;

  for (size_t i = 0; i < n;)
  {
    wchar_t c;
    int width;
    i += canvas_scan(&c, &width, s + i, n - i, utf8);
    sum += width;
  }
  return sum;
}

static void mark(canvas *c, rect r, char const *s, size_t len, int left, char const *search)
{
  size_t n = strlen(search);

  for (size_t i = 0; n && i + n <= len; i++)
    if (ui_matches(search, s + i, n))
    {
      int from = columns(s, i, c->utf8) - left;
      int width = columns(s + i, n, c->utf8);
      if (from < 0) width += from, from = 0;
      if (from < r.cols && width > 0)
        canvas_paint(c, r.row, r.col + from, width < r.cols - from ? width : r.cols - from, STYLE_MATCH);
      i += n - 1;
    }
}

static void draw_line(canvas *c, rect r, char const *s, size_t len, int left, char const *search, int date)
{
  char words[64];
  size_t n = read_stamp(words, sizeof words, s, len, date);
  int used = *words ? canvas_say(c, r.row, r.col, r.cols, STYLE_DIM, words) + 1 : 0;

  r.col += used;
  r.cols -= used;
  s += n;
  len -= n;
  if (n && len && *s == ' ') s++, len--;
  if (r.cols < 1) return;
  if (search)
  {
    canvas_text(c, r.row, r.col, r.cols, line_style(s, len), s, len, left);
    mark(c, r, s, len, left, search);
  }
  else
    for (int row = 0; row < r.rows; row++)
      canvas_text(c, r.row + row, r.col, r.cols, line_style(s, len), s, len, left + row * r.cols);
}

/* Rows that a line takes where it may go on in the next. */
static int line_rows(canvas const *c, int cols, char const *s, size_t len)
{
  char words[64];
  size_t n = read_stamp(words, sizeof words, s, len, 0);
  int room = cols - (*words ? (int)strlen(words) + 1 : 0);
  int need;

  if (room < 1) return 1;
  if (n && n < len && s[n] == ' ') n++;
  need = columns(s + n, len - n, c->utf8);
  return need > room ? (need + room - 1) / room : 1;
}

/* Upwards from the last line; of the first that does not fit, its beginning. */
static void draw_pane(canvas *c, rect r, dash_log const *l, size_t end)
{
  int left = r.rows;
  size_t first = end;
  size_t len;
  int skipped = 0;

  while (first && left > 0)
  {
    char const *line = dash_log_line(l, --first, &len);
    left -= line_rows(c, r.cols, line, len);
  }
  if (left < 0) skipped = -left;
  for (int row = 0; first < end && row < r.rows; first++)
  {
    char const *line = dash_log_line(l, first, &len);
    int rows = line_rows(c, r.cols, line, len) - skipped;
    skipped = 0;
    if (rows > r.rows - row) rows = r.rows - row;
    draw_line(c, (rect){r.row + row, r.col, rows, r.cols}, line, len, 0, 0, 0);
    row += rows;
  }
}

void dash_log_draw(canvas *c, rect r, dash_log const *l, size_t up, int left, char const *search, int date)
{
  size_t n = dash_log_count(l);
  size_t end = n > up ? n - up : 0;
  size_t first = end > (size_t)r.rows ? end - (size_t)r.rows : 0;

  if (!search && !left)
  {
    draw_pane(c, r, l, end);
    return;
  }
  for (size_t i = first; i < end; i++)
  {
    size_t len;
    char const *line = dash_log_line(l, i, &len);
    draw_line(c, (rect){r.row + (int)(i - first), r.col, 1, r.cols}, line, len, left, search, date);
  }
}

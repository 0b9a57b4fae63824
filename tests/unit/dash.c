#include <locale.h>
#include <stdio.h>
#include <string.h>

#include <ctl/dashboard/curve.h>
#include <ctl/dashboard/layout.h>
#include <ctl/dashboard/level.h>
#include <ctl/dashboard/log.h>
#include <ctl/dashboard/ui.h>

#include "unit.h"

/* A row of a canvas as text, without the blanks at its end; what is not ASCII as in UTF-8. */
static char const *row_of(canvas const *c, int row)
{
  static char s[8192];
  size_t n = 0;

  for (int col = 0; col < c->cols; col++)
  {
    glyph const *g = c->at + (size_t)row * (size_t)c->cols + col;
    if (g->c) n += (size_t)snprintf(s + n, sizeof s - n, "%lc", (wint_t)g->c);
  }
  while (n && s[n - 1] == ' ') n--;
  s[n] = 0;
  return s;
}

static int is_inside(rect r, int rows, int cols)
{
  return r.row >= 0 && r.col >= 0 && r.rows >= 0 && r.cols >= 0 && r.row + r.rows <= rows &&
         r.col + r.cols <= cols;
}

static int overlap(rect a, rect b)
{
  return a.row < b.row + b.rows && b.row < a.row + a.rows && a.col < b.col + b.cols &&
         b.col < a.col + a.cols && a.rows && b.rows && a.cols && b.cols;
}

/* --- the canvas ---------------------------------------------------------------------------------- */

static struct
{
  char const *bytes;
  int utf8;
  char const *shown;
} const texts[] = {
    {"plain", 1, "plain"},
    {"a\033[2Jb", 1, "a?[2Jb"},
    {"a\tb\rc\x7f", 1, "a b?c?"},
    {"gr\xc3\xbc\xc3\x9f", 1, "gr\xc3\xbc\xc3\x9f"},
    {"gr\xc3\xbc\xc3\x9f", 0, "gr??"},
    {"\xc2\x9b"
     "31m",
     1, "?31m"}, /* CSI as one character of C1 */
    {"\x9b"
     "31m",
     1, "?31m"},           /* and as a byte */
    {"\xc0\xaf", 1, "??"}, /* overlong */
    {"\xe2\x80\xae"
     "gpj",
     1, "?gpj"},                     /* turns the direction of writing */
    {"\xed\xa0\x80", 1, "???"},      /* a surrogate */
    {"\xf4\x90\x80\x80", 1, "????"}, /* beyond Unicode */
    {"ab\xe2\x82", 1, "ab??"},       /* cut short */
    {"e\xcc\x81"
     "x",
     1, "ex"}, /* combining: left out */
    {"\xe6\x97\xa5\xe6\x9c\xac", 1, "\xe6\x97\xa5\xe6\x9c\xac"},
};

START_TEST(canvas_cleans)
{
  canvas c = CANVAS_ZERO;

  ck_assert(!canvas_resize(&c, 1, 20));
  c.utf8 = texts[_i].utf8;
  canvas_say(&c, 0, 0, 20, STYLE_PLAIN, texts[_i].bytes);
  ck_assert_str_eq(row_of(&c, 0), texts[_i].shown);
  canvas_free(&c);
}
END_TEST

START_TEST(canvas_cuts)
{
  canvas c = CANVAS_ZERO;

  ck_assert(!canvas_resize(&c, 2, 5));
  c.utf8 = 1;
  ck_assert_int_eq(canvas_text(&c, 0, 1, 3, STYLE_PLAIN, "abcdef", 6, 2), 3);
  ck_assert_str_eq(row_of(&c, 0), " cde");
  /* A wide character does not fit half. */
  ck_assert_int_eq(canvas_say(&c, 1, 0, 3, STYLE_PLAIN, "\xe6\x97\xa5\xe6\x9c\xac"), 2);
  canvas_say(&c, 9, 0, 5, STYLE_PLAIN, "outside");
  canvas_say(&c, 0, -3, 5, STYLE_PLAIN, "xyzQ");
  ck_assert_str_eq(row_of(&c, 0), "Qcde");
  canvas_char(&c, -1, 99, STYLE_PLAIN, L'x', 'x');
  canvas_fill(&c, (rect){-5, -5, 99, 99}, STYLE_BAR, L'.');
  ck_assert_str_eq(row_of(&c, 1), ".....");
  canvas_free(&c);
}
END_TEST

START_TEST(canvas_any_bytes)
{
  canvas c = CANVAS_ZERO;
  char bytes[64];
  unsigned int seed = (unsigned int)_i;

  ck_assert(!canvas_resize(&c, 1, 200));
  c.utf8 = _i & 1;
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)((seed = seed * 1103515245u + 12345u) >> 16);
  canvas_text(&c, 0, 0, 200, STYLE_PLAIN, bytes, sizeof bytes, 0);
  for (int i = 0; i < 200; i++)
    ck_assert(!c.at[i].c || (c.at[i].c >= 32 && c.at[i].c != 127 && (c.at[i].c < 128 || c.at[i].c > 159)));
  canvas_free(&c);
}
END_TEST

/* --- the curve ----------------------------------------------------------------------------------- */

START_TEST(curve_heights)
{
  ck_assert_uint_eq(curve_height(0, 100, 5), 0);
  ck_assert_uint_eq(curve_height(1, 1000000, 5), 1);
  ck_assert_uint_eq(curve_height(50, 100, 5), 20);
  ck_assert_uint_eq(curve_height(100, 100, 5), 40);
  ck_assert_uint_eq(curve_height(UINT64_MAX, 100, 5), 40);
  ck_assert_uint_eq(curve_height(UINT64_MAX / 2, UINT64_MAX, 5), 19 + 1);
  ck_assert_uint_eq(curve_height(5, 0, 5), 0);
  ck_assert_uint_eq(curve_height(5, 10, 0), 0);
}
END_TEST

START_TEST(curve_scale)
{
  history_point p[3] = {{.time = 1, .backlog = 7}, {.time = 2, .backlog = 30}, {.time = 0, .backlog = 9999}};
  curve v = {.points = p, .n = 3, .step = 5};

  ck_assert_uint_eq(curve_top(&v), 30); /* what was not recorded does not count */
  v.enter = 100;
  ck_assert_uint_eq(curve_top(&v), 150);
  v.severe_enter = 400;
  ck_assert_uint_ge(curve_top(&v), 450);
  v.severe_enter = 100000; /* would make the curve flat */
  ck_assert_uint_eq(curve_top(&v), 150);
  v.n = 0;
  v.enter = v.severe_enter = 0;
  ck_assert_uint_eq(curve_top(&v), 4);
  v.enter = UINT64_MAX;
  curve_top(&v);
}
END_TEST

START_TEST(curve_rows)
{
  ck_assert_int_eq(curve_row(100, 100, 5), 0);
  ck_assert_int_eq(curve_row(1, 100, 5), 4);
  ck_assert_int_eq(curve_row(50, 100, 4), 2 - 0 - (curve_height(50, 100, 4) == 16 ? 0 : 1));
  ck_assert_int_eq(curve_row(101, 100, 5), -1);
  ck_assert_int_eq(curve_row(0, 100, 5), -1);
  /* A bar that reaches a threshold reaches its row. */
  for (uint64_t t = 1; t <= 100; t++)
    ck_assert_uint_gt(curve_height(t, 100, 7), CURVE_PARTS * (unsigned int)(6 - curve_row(t, 100, 7)));
}
END_TEST

START_TEST(curve_steps)
{
  ck_assert_uint_eq(curve_step(46, 3600), 80);
  ck_assert_uint_eq(curve_step(0, 3600), HISTORY_STEP);
  for (size_t n = 1; n < 300; n++)
  {
    ck_assert_uint_ge(n * curve_step(n, 3600), 3600);
    ck_assert_uint_eq(curve_step(n, 3600) % HISTORY_STEP, 0);
  }
}
END_TEST

START_TEST(curve_picture)
{
  static char const *const ascii[] = {"     8 |        #", "     6 |--------#-", "       |        #",
                                      "       |      ..#", "     0 |   :?:###"};
  history_point p[10] = {{.time = 0}};
  curve v = {.points = p, .n = 10, .step = 5, .enter = 6};
  rect r = {0, 0, 6, 18};
  canvas c = CANVAS_ZERO;

  p[3] = (history_point){.time = 15, .backlog = 1};
  p[4] = (history_point){.time = 20, .bits = HISTORY_UNKNOWN};
  p[5] = (history_point){.time = 25, .backlog = 1};
  p[6] = p[7] = (history_point){.time = 30, .backlog = 2};
  p[8] = (history_point){.time = 40, .backlog = 8, .level = 1};
  p[9] = (history_point){.time = 45};
  ck_assert(!canvas_resize(&c, 6, 18));
  curve_draw(&c, r, &v);
  for (int row = 0; row < 5; row++) ck_assert_str_eq(row_of(&c, row), ascii[row]);
  ck_assert_int_eq(c.at[8 + 8].style, STYLE_NOTE);
  ck_assert(strstr(row_of(&c, 5), "now"));
  c.utf8 = 1;
  ck_assert(!canvas_resize(&c, 6, 18));
  curve_draw(&c, r, &v);
  ck_assert_int_eq(c.at[8 + 8].c, 0x2588);
  ck_assert_int_eq(c.at[4 * 18 + 8 + 4].c, L'?');
  canvas_free(&c);
}
END_TEST

/* --- the level ----------------------------------------------------------------------------------- */

START_TEST(level_digits)
{
  static char const *const one[] = {"  ##", "####", "  ##", "  ##", "######"};
  canvas c = CANVAS_ZERO;

  ck_assert_int_eq(level_width("1", 2), 6);
  ck_assert_int_eq(level_width("CLEAR", 1), 19);
  ck_assert_int_eq(level_scale("1", (rect){0, 0, 5, 6}), 1);
  ck_assert_int_eq(level_scale("1", (rect){0, 0, 5, 5}), 0);
  ck_assert_int_eq(level_scale("1", (rect){0, 0, 4, 60}), 0);
  ck_assert_int_eq(level_scale("1", (rect){0, 0, 11, 60}), 2);
  ck_assert(!canvas_resize(&c, 5, 6));
  level_draw(&c, (rect){0, 0, 5, 6}, STYLE_BAD, "1", 1, 2);
  for (int row = 0; row < 5; row++) ck_assert_str_eq(row_of(&c, row), one[row]);
  canvas_free(&c);
}
END_TEST

/* --- the layout ---------------------------------------------------------------------------------- */

START_TEST(layout_any_size)
{
  static size_t const services[] = {0, 1, 7, 8, 200, 100000};

  for (int cols = 1; cols < 150; cols += 3)
    for (size_t k = 0; k < sizeof services / sizeof services[0]; k++)
    {
      layout l;
      int r = layout_overview(&l, _i, cols, services[k], 5);
      rect const all[] = {l.title, l.level, l.curve, l.status_fields, l.table, l.log, l.message, l.keys};
      ck_assert_int_eq(r, _i < LAYOUT_ROWS || cols < LAYOUT_COLS ? -1 : 0);
      if (r < 0) continue;
      ck_assert_int_ge(l.table.rows, 2);
      ck_assert_int_eq(l.keys.rows, 1);
      for (size_t i = 0; i < 8; i++)
      {
        ck_assert_msg(is_inside(all[i], _i, cols), "part %zu of %d x %d", i, _i, cols);
        for (size_t j = 0; j < i; j++)
          ck_assert_msg(!overlap(all[i], all[j]), "parts %zu and %zu of %d x %d", i, j, _i, cols);
      }
    }
}
END_TEST

START_TEST(layout_usual)
{
  layout l;

  ck_assert(!layout_overview(&l, 24, 80, 7, 5));
  ck_assert_int_eq(l.table.rows, 8); /* all seven are seen */
  ck_assert_int_ge(l.level.rows, LEVEL_ROWS);
  ck_assert_int_ge(l.curve.cols, 50);
  ck_assert_int_ge(l.log.rows, 5);
  ck_assert(!layout_overview(&l, 50, 132, 200, 5));
  ck_assert_int_ge(l.log.rows, 8);
  ck_assert_int_ge(l.level.rows, 2 * LEVEL_ROWS);
}
END_TEST

/* --- keys ---------------------------------------------------------------------------------------- */

static char const *const abc[] = {"auth", "monitor", "smtpd", "tls"};
static ui_world const four = {
    .names = abc, .n = 4, .rows = 2, .page_rows = 10, .lines = 100, .items = 30, .running = 1};

static ui_action keys(ui *u, char const *s)
{
  ui_action a = ACTION_NONE;
  for (; *s; s++)
    a = ui_key(u,
               *s == '\n'     ? SCREEN_ENTER
               : *s == '\033' ? SCREEN_ESCAPE
               : *s == '\b'   ? SCREEN_BACKSPACE
                              : *s,
               &four);
  return a;
}

static ui begun(void)
{
  ui u = UI_ZERO;
  ui_settle(&u, &four);
  return u;
}

START_TEST(keys_select)
{
  ui u = begun();

  ck_assert_str_eq(u.chosen, "auth");
  keys(&u, "jj");
  ck_assert_str_eq(u.chosen, "smtpd");
  ck_assert_uint_eq(u.top, 1); /* two rows are seen */
  keys(&u, "jjjj");
  ck_assert_str_eq(u.chosen, "tls");
  keys(&u, "g");
  ck_assert_str_eq(u.chosen, "auth");
  ck_assert_uint_eq(u.top, 0);
  keys(&u, "k");
  ck_assert_str_eq(u.chosen, "auth");
  keys(&u, "G");
  ck_assert_str_eq(u.chosen, "tls");
  ck_assert(ui_key(&u, SCREEN_PAGE_UP, &four) == ACTION_NONE);
  ck_assert_str_eq(u.chosen, "monitor");
  ui_key(&u, SCREEN_DOWN, &four);
  ck_assert_str_eq(u.chosen, "smtpd");
}
END_TEST

/* The selection is a service, not a row. */
START_TEST(keys_settle)
{
  char const *const less[] = {"smtpd", "tls"};
  ui_world w = {.names = less, .n = 2, .rows = 2};
  ui u = begun();

  keys(&u, "jjj");
  ui_settle(&u, &w);
  ck_assert_str_eq(u.chosen, "tls");
  keys(&u, "g\n");
  ck_assert_int_eq(u.page, PAGE_DETAIL);
  ui_settle(&u, &w); /* it is gone */
  ck_assert_str_eq(u.chosen, "smtpd");
  ck_assert_int_eq(u.page, PAGE_OVERVIEW);
  w.n = 0;
  ui_settle(&u, &w);
  ck_assert_str_eq(u.chosen, "");
  ck_assert_int_eq(ui_key(&u, 'r', &w), ACTION_NONE);
  ck_assert_int_eq(u.mode, UI_KEYS);
  ui_key(&u, SCREEN_ENTER, &w);
  ck_assert_int_eq(u.page, PAGE_OVERVIEW);
}
END_TEST

START_TEST(keys_ask_once)
{
  static char const *const verbs[] = {"restart", "up", "down"};
  char question[UI_QUESTION];
  char const ask[] = {"rud"[_i], 0};
  ui u = begun();

  ck_assert_int_eq(keys(&u, ask), ACTION_NONE);
  ui_question(question, &u);
  ck_assert_msg(strstr(question, verbs[_i]) && strstr(question, "auth?"), "%s", question);
  ck_assert_int_eq(keys(&u, "\031"), ACTION_COMMAND);
  ck_assert_str_eq(u.words[0], verbs[_i]);
  ck_assert_str_eq(u.words[1], "auth");
  ck_assert_ptr_null(u.words[2]);
  ck_assert_int_eq(keys(&u, "\031"), ACTION_NONE); /* only once */
  keys(&u, ask);
  ck_assert_int_eq(keys(&u, "n"), ACTION_NONE);
  keys(&u, ask);
  ck_assert_int_eq(keys(&u, "q"), ACTION_NONE); /* anything else: no */
  ck_assert_int_eq(keys(&u, "q"), ACTION_QUIT);
}
END_TEST

START_TEST(keys_up_all)
{
  ui_world w = four;
  ui u = begun();

  w.running = 0;
  ui_key(&u, 'u', &w);
  ck_assert_int_eq(ui_key(&u, UI_YES, &w), ACTION_COMMAND);
  ck_assert_str_eq(u.words[0], "up");
  ck_assert_ptr_null(u.words[1]);
}
END_TEST

START_TEST(keys_hidden)
{
  ui_world w = four;
  ui u = begun();

  keys(&u, "/zzz\n");
  w.n = 0;
  ui_settle(&u, &w);
  ui_key(&u, 'd', &w);
  ck_assert_int_eq(ui_key(&u, UI_YES, &w), ACTION_NONE);
}
END_TEST

START_TEST(keys_unseen)
{
  ui u = begun();
  ui_world small = four;

  small.hidden = 1;
  ui_key(&u, 'd', &small);
  ck_assert_int_eq(ui_key(&u, UI_YES, &small), ACTION_NONE);
  ck_assert_int_eq(ui_key(&u, 'q', &small), ACTION_QUIT);
  ck_assert_int_eq(u.mode, UI_KEYS);
}
END_TEST

START_TEST(keys_hold)
{
  char question[UI_QUESTION];
  ui u = begun();

  ck_assert_int_eq(keys(&u, "o2\n\n"), ACTION_NONE);
  ck_assert_str_eq(ui_question(question, &u), "overload on -l 2? ^Y yes, any other key no");
  ck_assert_int_eq(keys(&u, "\031"), ACTION_COMMAND);
  ck_assert_str_eq(u.words[0], "overload");
  ck_assert_str_eq(u.words[1], "on");
  ck_assert_str_eq(u.words[3], "2");
  ck_assert_ptr_null(u.words[4]);
  ck_assert_int_eq(keys(&u, "oa\031"), ACTION_COMMAND);
  ck_assert_str_eq(u.words[1], "auto");
  ck_assert_int_eq(keys(&u, "o0a move\n2h\n\031"), ACTION_COMMAND);
  ck_assert_str_eq(u.words[1], "off");
  ck_assert_str_eq(u.words[2], "-r");
  ck_assert_str_eq(u.words[3], "a move");
  ck_assert_str_eq(u.words[4], "-t");
  ck_assert_str_eq(u.words[5], "2h");
  ck_assert_ptr_null(u.words[6]);
  ck_assert_int_eq(keys(&u, "ox"), ACTION_NONE);
  ck_assert_int_eq(u.mode, UI_KEYS);
}
END_TEST

/* No word runs a command, be it typed or pasted; what is pasted is no key at all. */
START_TEST(keys_words)
{
  static char const *const words[] = {"ready", "ruddy\n", "o2\n\ny\n", "dy", "DY\n"};
  ui u = begun();

  for (char const *s = words[_i]; *s; s++)
    ck_assert_int_ne(ui_key(&u, *s == '\n' ? SCREEN_ENTER : *s, &four), ACTION_COMMAND);
  u = begun();
  ui_key(&u, SCREEN_PASTE, &four);
  ck_assert_int_eq(keys(&u, "qdr"), ACTION_NONE);
  ck_assert_int_eq(u.mode, UI_KEYS);
  ui_key(&u, SCREEN_PASTED, &four);
  keys(&u, "/");
  ui_key(&u, SCREEN_PASTE, &four);
  keys(&u, "tl");
  ui_key(&u, SCREEN_PASTED, &four);
  ck_assert_str_eq(u.filter, "tl");
}
END_TEST

START_TEST(keys_filter)
{
  ui u = begun();

  keys(&u, "/tLs");
  ck_assert_str_eq(u.filter, "tLs"); /* while it is typed */
  keys(&u, "\b\b\n");
  ck_assert_str_eq(u.filter, "t");
  keys(&u, "/x\033");
  ck_assert_str_eq(u.filter, "");
  keys(&u, "/q\n\033");
  ck_assert_str_eq(u.filter, "");
  ui_key(&u, '/', &four);
  ui_key(&u, 0xfc, &four);
  ui_key(&u, 0x1f600, &four);
  ck_assert_str_eq(u.filter, "\xc3\xbc\xf0\x9f\x98\x80");
  keys(&u, "\b");
  ck_assert_str_eq(u.filter, "\xc3\xbc");
  for (int i = 0; i < 1000; i++) ui_key(&u, 0x1f600, &four);
  ck_assert_uint_lt(strlen(u.filter), UI_TEXT);
  ck_assert(ui_matches("TLS", "a tls b", 7));
  ck_assert(!ui_matches("tls", "tl", 2));
  ck_assert(ui_matches("", "", 0));
}
END_TEST

START_TEST(keys_log)
{
  ui u = begun();

  keys(&u, "jl");
  ck_assert_int_eq(u.page, PAGE_LOG);
  keys(&u, "kkk");
  ck_assert_uint_eq(u.up, 3);
  keys(&u, "j ");
  ck_assert_uint_eq(u.up, 0);
  keys(&u, "g");
  ck_assert_uint_eq(u.up, 90);
  keys(&u, "k");
  ck_assert_uint_eq(u.up, 90);
  keys(&u, "G");
  ck_assert_uint_eq(u.up, 0);
  ck_assert_int_eq(keys(&u, "n"), ACTION_NONE);
  ck_assert_int_eq(keys(&u, "/bad\n"), ACTION_OLDER);
  ck_assert_str_eq(u.search, "bad");
  ck_assert_int_eq(keys(&u, "n"), ACTION_OLDER);
  ck_assert_int_eq(keys(&u, "N"), ACTION_NEWER);
  ck_assert_int_eq(keys(&u, "/\n"), ACTION_OLDER); /* the same again */
  keys(&u, "?\033");
  ck_assert_int_eq(u.page, PAGE_LOG);
  keys(&u, "\033");
  ck_assert_int_eq(u.page, PAGE_OVERVIEW);
  keys(&u, "\nl\033");
  ck_assert_int_eq(u.page, PAGE_DETAIL);
  keys(&u, "?q");
  ck_assert_int_eq(keys(&u, "q"), ACTION_QUIT);
}
END_TEST

/* Whatever is pressed in whatever order, the state is one that can be drawn. */
START_TEST(keys_any)
{
  unsigned int seed = (unsigned int)_i;
  ui u = begun();

  for (int i = 0; i < 20000; i++)
  {
    char question[UI_QUESTION];
    unsigned int x = (seed = seed * 1103515245u + 12345u) >> 16;
    int k = x % 3 ? (int)(x / 3 % 128) : KEYS_BEYOND + 1 + (int)(x / 3 % 12);
    ui_key(&u, k, &four);
    ck_assert_uint_le(u.up, 90);
    ck_assert_uint_le(u.detail, 30);
    ck_assert_uint_lt(u.top, 4);
    ck_assert_int_ge(u.left, 0);
    ck_assert_uint_lt(strlen(ui_question(question, &u)), UI_QUESTION);
  }
}
END_TEST

/* --- the log ------------------------------------------------------------------------------------- */

START_TEST(log_lines)
{
  dash_log l = DASH_LOG_ZERO;
  canvas c = CANVAS_ZERO;
  size_t len;

  ck_assert(stralloc_cats(&l.bytes, "one\ntwo \033[31m bad\n\nfour Bad"));
  ck_assert(!dash_log_split(&l));
  ck_assert_uint_eq(dash_log_count(&l), 4);
  ck_assert(!memcmp(dash_log_line(&l, 3, &len), "four Bad", 8) && len == 8);
  dash_log_line(&l, 2, &len);
  ck_assert_uint_eq(len, 0);
  ck_assert_uint_eq(dash_log_find(&l, 4, -1, "bad"), 3);
  ck_assert_uint_eq(dash_log_find(&l, 3, -1, "bad"), 1);
  ck_assert_uint_eq(dash_log_find(&l, 1, -1, "bad"), 4);
  ck_assert_uint_eq(dash_log_find(&l, 1, 1, "bad"), 3);
  ck_assert_uint_eq(dash_log_find(&l, 3, 1, "bad"), 4);
  ck_assert(!canvas_resize(&c, 2, 20));
  dash_log_draw(&c, (rect){0, 0, 2, 20}, &l, 2, 0, "bad", 0);
  ck_assert_str_eq(row_of(&c, 0), "one");
  ck_assert_str_eq(row_of(&c, 1), "two ?[31m bad");
  ck_assert_int_eq(c.at[20 + 10].style, STYLE_MATCH);
  ck_assert_int_eq(c.at[20 + 9].style, STYLE_PLAIN);
  ck_assert(!canvas_resize(&c, 2, 20));
  dash_log_draw(&c, (rect){0, 0, 2, 20}, &l, 0, 5, 0, 0);
  ck_assert_str_eq(row_of(&c, 1), "Bad");
  canvas_free(&c);
  dash_log_free(&l);
}
END_TEST

/* In a pane, what is long goes on in the next row, and what is not of today has its date. */
START_TEST(log_pane)
{
  dash_log l = DASH_LOG_ZERO;
  canvas c = CANVAS_ZERO;

  ck_assert(stralloc_cats(&l.bytes,
                          "@4000000037c219bf2ef02e94 of another day\nfatal: 0123456789 0123456789 0123456789 "
                          "0123456789\nlast\n"));
  ck_assert(!dash_log_split(&l));
  ck_assert(!canvas_resize(&c, 4, 40));
  dash_log_draw(&c, (rect){0, 0, 4, 40}, &l, 0, 0, 0, 0);
  ck_assert_msg(!strncmp(row_of(&c, 0), "1999-08-2", 9), "%s", row_of(&c, 0));
  ck_assert_str_eq(row_of(&c, 1), "fatal: 0123456789 0123456789 0123456789");
  ck_assert_str_eq(row_of(&c, 2), "0123456789");
  ck_assert_str_eq(row_of(&c, 3), "last");
  ck_assert_int_eq(c.at[2 * 40].style, STYLE_BAD);
  ck_assert(!canvas_resize(&c, 2, 40));
  dash_log_draw(&c, (rect){0, 0, 2, 40}, &l, 0, 0, 0, 0);
  ck_assert_str_eq(row_of(&c, 0), "fatal: 0123456789 0123456789 0123456789");
  ck_assert_str_eq(row_of(&c, 1), "last");
  canvas_free(&c);
  dash_log_free(&l);
}
END_TEST

static void add_log(TCase *t)
{
  tcase_add_test(t, log_pane);
  tcase_add_test(t, log_lines);
}

static void add_keys(TCase *t)
{
  tcase_add_test(t, keys_select);
  tcase_add_test(t, keys_settle);
  tcase_add_loop_test(t, keys_ask_once, 0, 3);
  tcase_add_test(t, keys_up_all);
  tcase_add_test(t, keys_hidden);
  tcase_add_test(t, keys_unseen);
  tcase_add_test(t, keys_hold);
  tcase_add_loop_test(t, keys_words, 0, 5);
  tcase_add_test(t, keys_filter);
  tcase_add_test(t, keys_log);
  tcase_add_loop_test(t, keys_any, 0, 5);
}

int main(void)
{
  Suite *s = suite_create("dash");
  TCase *t = tcase_create("dash");

  setlocale(LC_ALL, "C.UTF-8");
  tcase_add_loop_test(t, canvas_cleans, 0, sizeof texts / sizeof texts[0]);
  tcase_add_test(t, canvas_cuts);
  tcase_add_loop_test(t, canvas_any_bytes, 0, 50);
  tcase_add_test(t, curve_heights);
  tcase_add_test(t, curve_scale);
  tcase_add_test(t, curve_rows);
  tcase_add_test(t, curve_steps);
  tcase_add_test(t, curve_picture);
  tcase_add_test(t, level_digits);
  tcase_add_loop_test(t, layout_any_size, 1, 80);
  tcase_add_test(t, layout_usual);
  add_keys(t);
  add_log(t);
  suite_add_tcase(s, t);
  return unit_run(s);
}

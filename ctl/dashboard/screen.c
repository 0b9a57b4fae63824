#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include <ctl/dashboard/screen.h>

static SCREEN *terminal;

/* xterm's bracketed paste, which others have too; a terminal that has not passes over it. */
#define PASTE_ON  "\033[?2004h"
#define PASTE_OFF "\033[?2004l"
#define PASTE_KEY (KEY_MAX + 1)

static void tell_paste(char const *sequence)
{
  fputs(sequence, stdout);
  fflush(stdout);
}

/* A style as 256, as 8 colours, and without. Colour -1: the terminal's own. */
static struct
{
  short front, back;
  short front8, back8;
  attr_t also; /* with colours */
  attr_t mono;
} const looks[STYLES] = {
    [STYLE_PLAIN] = {-1, -1, -1, -1, A_NORMAL, A_NORMAL},
    [STYLE_DIM] = {245, -1, -1, -1, A_NORMAL, A_NORMAL},
    [STYLE_BOLD] = {-1, -1, -1, -1, A_BOLD, A_BOLD},
    [STYLE_GOOD] = {41, -1, COLOR_GREEN, -1, A_NORMAL, A_NORMAL},
    [STYLE_NOTE] = {220, -1, COLOR_YELLOW, -1, A_BOLD, A_BOLD},
    [STYLE_BAD] = {203, -1, COLOR_RED, -1, A_BOLD, A_BOLD},
    [STYLE_BAR] = {255, 238, COLOR_WHITE, COLOR_BLUE, A_NORMAL, A_REVERSE},
    [STYLE_HEAD] = {110, -1, COLOR_CYAN, -1, A_NORMAL, A_UNDERLINE},
    [STYLE_CURVE] = {75, -1, COLOR_CYAN, -1, A_NORMAL, A_NORMAL},
    [STYLE_MATCH] = {16, 220, COLOR_BLACK, COLOR_YELLOW, A_NORMAL, A_STANDOUT},
    [STYLE_CHOSEN] = {231, 24, COLOR_WHITE, COLOR_BLUE, A_BOLD, A_REVERSE},
};
static attr_t attributes[STYLES];
static short pairs[STYLES];

static void choose_looks(void)
{
  int colours = !(getenv("NO_COLOR") && *getenv("NO_COLOR")) && has_colors() && start_color() != ERR &&
                COLORS >= 8 && COLOR_PAIRS > STYLES;

  if (colours) use_default_colors();
  for (int i = 0; i < STYLES; i++)
  {
    int many = COLORS >= 256;
    attributes[i] = looks[i].mono;
    pairs[i] = 0;
    if (!colours || i == STYLE_PLAIN) continue;
    attributes[i] = looks[i].also;
    if (init_pair((short)i, many ? looks[i].front : looks[i].front8, many ? looks[i].back : looks[i].back8) !=
        ERR)
      pairs[i] = i;
  }
}

/*
 * ^Z is a key like the others. As a signal, it would also stop s6-ftrigrd, in our process group, which we may be
 * waiting for.
 */
static void take_suspend_key(void)
{
  struct termios modes;

  if (tcgetattr(0, &modes) < 0) return;
  modes.c_cc[VSUSP] = _POSIX_VDISABLE;
  if (tcsetattr(0, TCSANOW, &modes) == 0) def_prog_mode();
}

int screen_start(void)
{
  int unknown = 0;
  int wrong;

  if (setupterm(0, 1, &wrong) != OK)
  {
    if (setenv("TERM", "vt100", 1) < 0 || setupterm(0, 1, &wrong) != OK) return -1;
    unknown = 1;
  }
  if (!cursor_address) return -1;
  del_curterm(cur_term); /* newterm makes its own */
  terminal = newterm(0, stdout, stdin);
  if (!terminal) return -1;
  cbreak();
  noecho();
  nonl();
  keypad(stdscr, TRUE);
  nodelay(stdscr, TRUE);
  intrflush(stdscr, FALSE);
  set_escdelay(25);
  curs_set(0);
  choose_looks();
  take_suspend_key();
  define_key("\033[200~", PASTE_KEY);
  define_key("\033[201~", PASTE_KEY + 1);
  tell_paste(PASTE_ON);
  return unknown;
}

void screen_end(void)
{
  if (!terminal) return;
  tell_paste(PASTE_OFF);
  endwin();
  delscreen(terminal);
  terminal = 0;
}

void screen_suspend(void)
{
  def_prog_mode();
  tell_paste(PASTE_OFF);
  endwin();
}

void screen_resume(void)
{
  reset_prog_mode();
  clearok(stdscr, TRUE);
  refresh();
  curs_set(0);
  tell_paste(PASTE_ON);
}

void screen_size(int *rows, int *cols)
{
  struct winsize w = {.ws_row = 0};

  if (ioctl(1, TIOCGWINSZ, &w) >= 0 && w.ws_row && w.ws_col && (w.ws_row != LINES || w.ws_col != COLS))
    resizeterm(w.ws_row, w.ws_col);
  *rows = LINES;
  *cols = COLS;
}

int screen_is_utf8(void)
{
  return !strcmp(nl_langinfo(CODESET), "UTF-8");
}

void screen_show(canvas const *c)
{
  for (int row = 0; row < c->rows && row < LINES; row++)
    for (int col = 0; col < c->cols && col < COLS; col++)
    {
      glyph const *g = c->at + (size_t)row * (size_t)c->cols + col;
      wchar_t const text[2] = {g->c, 0};
      cchar_t cell;
      if (!g->c) continue;
      setcchar(&cell, text, attributes[g->style], pairs[g->style], 0);
      mvadd_wch(row, col, &cell);
    }
  move(LINES - 1, COLS - 1);
  refresh();
}

void screen_spoilt(void)
{
  clearok(stdscr, TRUE);
}

static int special(wint_t key)
{
  switch (key)
  {
    case KEY_UP: return SCREEN_UP;
    case KEY_DOWN: return SCREEN_DOWN;
    case KEY_LEFT: return SCREEN_LEFT;
    case KEY_RIGHT: return SCREEN_RIGHT;
    case KEY_PPAGE: return SCREEN_PAGE_UP;
    case KEY_NPAGE: return SCREEN_PAGE_DOWN;
    case KEY_HOME: return SCREEN_HOME;
    case KEY_END: return SCREEN_END;
    case KEY_ENTER: return SCREEN_ENTER;
    case KEY_BACKSPACE: return SCREEN_BACKSPACE;
    case PASTE_KEY: return SCREEN_PASTE;
    case PASTE_KEY + 1: return SCREEN_PASTED;
    default: return SCREEN_OTHER;
  }
}

int screen_key(void)
{
  wint_t key;

  switch (get_wch(&key))
  {
    case OK:
      if (key == '\r' || key == '\n') return SCREEN_ENTER;
      if (key == 27) return SCREEN_ESCAPE;
      if (key == 8 || key == 127) return SCREEN_BACKSPACE;
      return (int)key;
    case KEY_CODE_YES: return special(key);
    default: return -1;
  }
}

void screen_rescue(void)
{
  int wrong;

  if (setupterm(0, 1, &wrong) != OK) return;
  fputs(PASTE_OFF, stdout);
  if (keypad_local) putp(keypad_local);
  if (exit_attribute_mode) putp(exit_attribute_mode);
  if (orig_pair) putp(orig_pair);
  if (exit_ca_mode) putp(exit_ca_mode);
  if (cursor_normal) putp(cursor_normal);
  fflush(stdout);
}

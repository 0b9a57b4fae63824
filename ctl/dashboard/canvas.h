#ifndef CTL_DASHBOARD_CANVAS_H
#define CTL_DASHBOARD_CANVAS_H

#include <stddef.h>
#include <wchar.h>

/*
 * What a terminal shows, as cells in memory. Everything that is drawn passes through here, so that no byte
 * of a log or of a client reaches the terminal as a control character.
 */

typedef enum style_e
{
  STYLE_PLAIN,
  STYLE_DIM,
  STYLE_BOLD,
  STYLE_GOOD,
  STYLE_NOTE, /* to be noticed */
  STYLE_BAD,
  STYLE_BAR,    /* the bars above and below */
  STYLE_HEAD,   /* headings */
  STYLE_CURVE,  /* the backlog */
  STYLE_MATCH,  /* what was searched for */
  STYLE_CHOSEN, /* the selection */
  STYLES
} style;

typedef struct glyph_s glyph;
struct glyph_s
{
  wchar_t c; /* 0: the right half of the wide character before */
  unsigned char style;
};

typedef struct canvas_s canvas;
struct canvas_s
{
  int rows;
  int cols;
  int utf8; /* 0: the terminal has ASCII alone */
  glyph *at;
};
#define CANVAS_ZERO                                                                                          \
  {                                                                                                          \
    .rows = 0, .cols = 0, .utf8 = 0, .at = 0                                                                 \
  }

#define CANVAS_MAX 1000 /* rows or columns; a larger terminal is used in part */

typedef struct rect_s rect;
struct rect_s
{
  int row, col, rows, cols;
};

/* Makes it rows x cols, all blank. 0, or -1 and ENOMEM: it is empty then. */
extern int canvas_resize(canvas *c, int rows, int cols);
extern void canvas_free(canvas *c);

/* All drawing is cut at the canvas's edges. */
extern void canvas_fill(canvas *c, rect r, style s, wchar_t with);
/* with where the terminal has UTF-8, else ascii. */
extern void canvas_char(canvas *c, int row, int col, style s, wchar_t with, char ascii);
/*
 * Writes len bytes of UTF-8 from column col on, at most width columns wide, having left out the first skip
 * columns. What is no printable character becomes `?`. Returns the columns written.
 */
extern int canvas_text(canvas *c, int row, int col, int width, style s, char const *text, size_t len,
                       int skip);
/* A whole string, none left out. */
extern int canvas_say(canvas *c, int row, int col, int width, style s, char const *text);
/* Changes the style of n cells. */
extern void canvas_paint(canvas *c, int row, int col, int n, style s);

/*
 * The character at s (len bytes, at least 1): *c, or L'?' for what is not valid or not printable; its
 * columns (0: a combining one, to be left out) in *width. Returns its length in bytes.
 */
extern size_t canvas_scan(wchar_t *c, int *width, char const *s, size_t len, int utf8);

#endif

#ifndef CTL_DASHBOARD_LOG_H
#define CTL_DASHBOARD_LOG_H

#include <sys/types.h>

#include <skalibs/genalloc.h>
#include <skalibs/stralloc.h>
#include <skalibs/tai.h>

#include <ctl/dashboard/canvas.h>

/* The end of a log, as lines. */

#define DASH_LOG_PANE 65536     /* bytes that are read for a pane */
#define DASH_LOG_PAGE (1 << 20) /* and for a whole screen that is searched */

typedef struct dash_log_s dash_log;
struct dash_log_s
{
  stralloc dir; /* no NUL counted, but there is one behind */
  stralloc bytes;
  genalloc lines; /* of size_t: where each begins */
  size_t max;     /* what was asked for when it was read */
  dev_t dev;      /* of `current` then */
  ino_t ino;
  off_t size;
};
#define DASH_LOG_ZERO                                                                                        \
  {                                                                                                          \
    .dir = STRALLOC_ZERO, .bytes = STRALLOC_ZERO, .lines = GENALLOC_ZERO                                     \
  }

/* Turns to the log in dir, of which nothing is read yet. The same dir again changes nothing. 0, or -1 and ENOMEM. */
extern int dash_log_turn(dash_log *l, char const *dir);
/*
 * Reads the last max bytes, from the newest rotated file too, if anything changed since. 1 it did, 0 it did
 * not; -1 and errno: it is empty then (ENOENT: no such log).
 */
extern int dash_log_read(dash_log *l, size_t max);
extern void dash_log_free(dash_log *l);

#define dash_log_count(l) genalloc_len(size_t, &(l)->lines)
/* The i-th line, without its newline. */
extern char const *dash_log_line(dash_log const *l, size_t i, size_t *len);
/* Finds the lines in l->bytes, whoever put them there. 0, or -1 and ENOMEM. */
extern int dash_log_split(dash_log *l);
/*
 * The next line that has text, capitals or not, before (step -1) or behind (1) line i; the count of lines:
 * there is none.
 */
extern size_t dash_log_find(dash_log const *l, size_t i, int step, char const *text);

/* The local time of day, and before it the date, if today is given and another day. */
#define DASH_CLOCK 32
extern void dash_clock(char s[DASH_CLOCK], tain const *t, tain const *today);

/*
 * Draws the lines that end `up` lines above the end into r, left columns moved; what has search in it (0:
 * nothing) is marked. date: stamps with the date and milliseconds; else with the date alone where it is not today's.
 * Without search, which is a pane and not a page, lines that are too long go on in the next row.
 */
extern void dash_log_draw(canvas *c, rect r, dash_log const *l, size_t up, int left, char const *search,
                          int date);

#endif

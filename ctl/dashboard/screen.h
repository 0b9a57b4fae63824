#ifndef CTL_DASHBOARD_SCREEN_H
#define CTL_DASHBOARD_SCREEN_H

#include <ctl/dashboard/canvas.h>

/* The terminal, through ncursesw, which screen.c alone knows. One at a time; standard input and output. */

/* Keys that are no character. */
enum
{
  KEYS_BEYOND = 0x110000,
  SCREEN_UP,
  SCREEN_DOWN,
  SCREEN_LEFT,
  SCREEN_RIGHT,
  SCREEN_PAGE_UP,
  SCREEN_PAGE_DOWN,
  SCREEN_HOME,
  SCREEN_END,
  SCREEN_ENTER,
  SCREEN_ESCAPE,
  SCREEN_BACKSPACE,
  SCREEN_PASTE, /* what follows is pasted, where the terminal tells (bracketed paste of xterm) */
  SCREEN_PASTED,
  SCREEN_OTHER
};

/*
 * Takes the terminal over: with 256 colours, 8, or none, as it has them and NO_COLOR leaves them. The locale
 * must be set. 0; 1: TERM names no type that is known here, and is a vt100 now; -1: it cannot move its cursor.
 */
extern int screen_start(void);
/* Gives it back as it was. */
extern void screen_end(void);
/* Gives it back for a while, and takes it again. */
extern void screen_suspend(void);
extern void screen_resume(void);

/* The size as it is now, which the next screen_show uses. */
extern void screen_size(int *rows, int *cols);
extern int screen_is_utf8(void);
/* Shows c; only what changed is sent. */
extern void screen_show(canvas const *c);
/* Sends everything anew with the next screen_show. */
extern void screen_spoilt(void);
/* The next key that was pressed, a character or one of the above; -1: none. Does not wait. */
extern int screen_key(void);

/* For another process of the same terminal: undoes what screen_start did, after its process was killed. */
extern void screen_rescue(void);

#endif

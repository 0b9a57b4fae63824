#ifndef CTL_DASHBOARD_UI_H
#define CTL_DASHBOARD_UI_H

#include <stddef.h>

#include <ctl/dashboard/screen.h>

/* What the keys do: (state, key, what is there) -> (state, what to do). Pure. */

typedef enum ui_page_e
{
  PAGE_OVERVIEW,
  PAGE_DETAIL,
  PAGE_LOG,
  PAGE_HELP
} ui_page;

typedef enum ui_mode_e
{
  UI_KEYS,
  UI_ASK,    /* shall the command run? */
  UI_HOLD,   /* which hold? */
  UI_REASON, /* a text is being typed, from here on: why it is held */
  UI_EXPIRY, /* and for how long */
  UI_FILTER,
  UI_SEARCH
} ui_mode;

#define UI_NAME  256
#define UI_TEXT  64 /* bytes of a filter or search */
#define UI_YES   25 /* ^Y: no word that is typed or pasted into the terminal has it */
#define UI_WORDS 9

typedef struct ui_s ui;
struct ui_s
{
  ui_page page;
  ui_page before; /* the page to go back to from help, and from the log */
  ui_mode mode;
  char chosen[UI_NAME]; /* the selected service; empty: none */
  size_t top;           /* the first row of the table that is shown */
  size_t detail;        /* likewise of the detail page, and of help */
  char filter[UI_TEXT];
  char search[UI_TEXT];
  char typed[UI_TEXT];
  size_t up;    /* lines between the end of the log and the last one shown; 0: it follows */
  size_t match; /* the line that was found, counted from the end, the last one being 1; 0: none */
  int left;     /* columns that the log is moved to the left by */
  char const *words[UI_WORDS]; /* of mailctl's command; 0 ends it */
  char target[UI_NAME];
  char reason[UI_TEXT];
  char expiry[UI_TEXT];
  int pasting; /* the terminal says that what comes is pasted */
};
#define UI_ZERO                                                                                              \
  {                                                                                                          \
    .page = PAGE_OVERVIEW, .mode = UI_KEYS                                                                   \
  }

/* What there is while a key is pressed. */
typedef struct ui_world_s ui_world;
struct ui_world_s
{
  char const *const *names; /* of the services that the filter leaves */
  size_t n;
  size_t rows;      /* services that the table shows at a time */
  size_t page_rows; /* lines that the detail page, help or the log show at a time */
  size_t lines;     /* that the log has */
  size_t items;     /* lines of the detail page, or of help */
  int running;      /* the bundle is up */
  int hidden;       /* the terminal is too small to show anything */
};

typedef enum ui_action_e
{
  ACTION_NONE,
  ACTION_QUIT,
  ACTION_COMMAND, /* run mailctl with u->words */
  ACTION_OLDER,   /* to the next line above that has u->search */
  ACTION_NEWER,
  ACTION_CLOSE, /* what a command said may go */
  ACTION_REDRAW,
  ACTION_STOP /* the shell has the terminal until it says `fg` */
} ui_action;

extern ui_action ui_key(ui *u, int key, ui_world const *w);

/* Sets the selection right after the services changed, and the table's first row so that it is seen. */
extern void ui_settle(ui *u, ui_world const *w);
/* Whether the name (or the state) has the filter in it, capitals or not. */
extern int ui_matches(char const *filter, char const *text, size_t len);

#define UI_QUESTION (UI_NAME + 2 * UI_TEXT + 128)
/* What is asked, or typed, now; empty: nothing. */
extern char const *ui_question(char s[UI_QUESTION], ui const *u);

#endif

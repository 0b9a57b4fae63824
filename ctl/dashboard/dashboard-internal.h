#ifndef CTL_DASHBOARD_DASHBOARD_INTERNAL_H
#define CTL_DASHBOARD_DASHBOARD_INTERNAL_H

#include <ctl/dashboard/data.h>
#include <ctl/dashboard/view.h>
#include <ctl/dashboard/watch.h>

/* What the program holds, and its parts: dash.c has main and the loop, dash-refresh.c looks and draws, dash-act.c acts. */

#define DASH_TICK    1000 /* ms between two refreshes by the clock, where they cost little */
#define DASH_GOES_ON (-1)

typedef struct dash_s dash;
struct dash_s
{
  dash_data data;
  dash_watch watch;
  dash_run run;
  ui u;
  canvas c;
  size_t *at;         /* the services that the filter leaves */
  char const **names; /* theirs */
  size_t n;
  char said[320];
  int signals;
  int stale;      /* something happened to a service since the last refresh */
  int log_stale;  /* or to the log */
  int spoilt;     /* the screen must be drawn */
  int tick;       /* ms between two refreshes by the clock */
  int status;     /* to exit with; DASH_GOES_ON: goes on */
  tain stamp;     /* stopwatch */
  tain refreshed; /* on it */
};

/* Looks at everything anew. */
extern void dash_refresh(dash *d);
/* The log alone; and what only the page of a service shows. */
extern void dash_read_log(dash *d);
extern void dash_read_more(dash *d);
/* Which services are shown, after any of them or the filter changed. 0, or -1 and ENOMEM. */
extern int dash_list(dash *d);
/* What a key finds. */
extern ui_world dash_world(dash const *d);
/* The size of the terminal, for the next drawing. 0, or -1 and ENOMEM. */
extern int dash_take_size(dash *d);
extern void dash_draw(dash *d);

/* Takes all keys that were pressed. */
extern void dash_take_keys(dash *d);

/* The file descriptor that can be read once a signal came; -1 and errno. */
extern int dash_trap_signals(void);
extern void dash_take_signals(dash *d);

#endif

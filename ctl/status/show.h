#ifndef CTL_STATUS_SHOW_H
#define CTL_STATUS_SHOW_H

#include <skalibs/stralloc.h>

#include <ctl/status/snapshot.h>

/*
 * The forms of `mailctl status`: each appends to sa what it says of s. names: the services that were asked
 * for; none: all. 0, or -1 and ENOMEM.
 */

typedef struct show_s show;
struct show_s
{
  snapshot const *s;
  stored const *st;
  int argc;
  char const *const *names;
  unsigned int width; /* columns of the terminal */
  int colour;
  int symbols; /* it shows UTF-8 */
};

#define SHOW_WIDTH 80 /* where there is no terminal to ask */

extern int show_is_chosen(show const *w, char const *name);

/* What is wrong with the whole, a line each: the supervisor, the place, the file, the disks. */
extern int show_notes(stralloc *sa, snapshot const *s, stored const *st);
/* The table, and the lines below it. */
extern int show_table(stralloc *sa, show const *w);
extern int show_lines(stralloc *sa, show const *w);
/* Everything about one service: names[0]. */
extern int show_detail(stralloc *sa, show const *w);
/* Of that: how it died, and its files. */
extern int show_deaths(stralloc *sa, stored const *st, char const *name);
extern int show_files(stralloc *sa, stored const *st, char const *name);
/* What is counted of one milter, and a line for each of a service, with `before` before it. */
#define MILTER_TEXT 320
extern char const *milter_text(char text[MILTER_TEXT], milter_facts const *f);
extern int show_milters(stralloc *sa, snapshot const *s, char const *before, char const *name);
/* One document; its schema is in mailctl-status(5). */
extern int show_json(stralloc *sa, show const *w);
/* The OpenMetrics text format, of which the classic Prometheus format takes every line. */
extern int show_metrics(stralloc *sa, show const *w);
#define SHOW_METRIC 96
/* The name of a fact's metric, without the _total of a counter's sample. */
extern void show_metric_name(char s[SHOW_METRIC], status_field const *f);
/* A line a service, tabs between the n chosen facts; one line if none of them is a service's. */
extern int show_fields(stralloc *sa, show const *w, status_field const *const *chosen, size_t n);

/* What a terminal shows around a state's words: an escape sequence, or "". */
extern char const *show_colour(show const *w, service_state is);

#endif

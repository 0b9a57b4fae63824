#ifndef SERVICES_PLUGINS_KIT_H
#define SERVICES_PLUGINS_KIT_H

#include <stddef.h>

/*
 * What a qmail-spp plugin is made of: the environment goes in, one decision comes out. A plugin is a pure
 * function from the one to the other, and a main that hands it to plugin_run (see doc/plugins.md, spp(7)).
 */

typedef struct env_s env;
struct env_s
{
  char const *const *vars; /* NAME=VALUE, ends at 0 */
};

/* The value of a variable; 0 where it is not set. */
extern char const *env_get(env const *e, char const *name);
/*
 * The variable as a number. Returns 1 and sets *n; 0 where it is not set or empty (and *n is left as it is);
 * -1 where it is anything but a decimal number that fits.
 */
extern int env_number(env const *e, char const *name, unsigned int *n);

typedef struct decision_s decision;
struct decision_s
{
  size_t len;         /* of out */
  unsigned int delay; /* milliseconds to wait before smtpd gets the lines */
  int ended;          /* 1: A, N, O, E, R or D was said, or out is full: more is ignored */
  char log[512];      /* one line for the log, without the name; empty: none */
  char out[2048];     /* lines for smtpd */
};
#define DECISION_ZERO                                                                                        \
  {                                                                                                          \
    .len = 0, .delay = 0, .ended = 0                                                                         \
  }

/*
 * Adds one command of the protocol: its letter, then text (a format, as for printf; for E, R and P it begins
 * with the reply code). Control characters become `?`: a client's bytes cannot become a second command.
 * A command that does not fit is left out whole, with a word in the log.
 */
extern void decision_say(decision *d, char letter, char const *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Sets the line for the log, cut where it is too long. */
extern void decision_log(decision *d, char const *format, ...) __attribute__((format(printf, 2, 3)));

typedef struct plugin_s plugin;
struct plugin_s
{
  char const *name;
  char const *help;                          /* of --help: lines, each with its newline */
  void (*decide)(env const *e, decision *d); /* d: nothing decided yet */
};

/* All of main: --help and --version; else decides, logs, waits, answers. Returns the exit status. */
extern int plugin_run(int argc, char const *const *argv, plugin const *p);

#endif

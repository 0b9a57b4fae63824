#ifndef CTL_MACHINE_LOAD_H
#define CTL_MACHINE_LOAD_H

#include <services/contract/bundle.h>

#include <ctl/conf/conf.h>
#include <ctl/context.h>
#include <ctl/plan/generation.h>
#include <ctl/plan/plan.h>

/* What mailctl.conf asks for now, or what was brought up last, if the context says so. */
typedef struct wanted_s wanted;
struct wanted_s
{
  conf c;
  bundle b;
  plan p;
  stralloc notes; /* what the machine told that is no mistake, a line each */
};
#define WANTED_ZERO                                                                                          \
  {                                                                                                          \
    .c = CONF_ZERO, .p = PLAN_ZERO, .notes = STRALLOC_ZERO                                                   \
  }

/*
 * Reads the file and makes the plan. machine: also asks this machine (users, programs, certificates).
 * Every problem is printed to stderr. 0, or the exit status to end with. Of what was brought up last,
 * EXIT_CONF if there is no such thing; problems of single services are no reason to end, and nothing is printed
 * if it is just what the file has.
 */
extern int wanted_load(wanted *w, context const *cx, int machine);
/*
 * The same of what generation `number` keeps, whatever mailctl.conf says now: its own copy of the file, and the plan that
 * its manifest tells, each of whose files is compared. The machine is not asked.
 */
extern int kept_load(wanted *w, context const *cx, char const *state, unsigned int number);
extern void wanted_free(wanted *w);

/*
 * What was brought up last: the generation behind STATE/current, and the configuration in it. It does not
 * depend on what mailctl.conf says now, beyond [bundle] state: a broken file never prevents `down`. Behind the
 * generation's own entries stand those of services that run and are no longer in it (left).
 */
typedef struct stored_s stored;
struct stored_s
{
  conf now;   /* mailctl.conf as it is, errors and all */
  int broken; /* it is missing, or has errors */
  conf c;     /* as it was; empty where it is the same */
  bundle b;
  generation g; /* number 0: nothing was ever brought up, and b is from `now` */
};
#define STORED_ZERO                                                                                          \
  {                                                                                                          \
    .now = CONF_ZERO, .c = CONF_ZERO, .g = GENERATION_ZERO                                                   \
  }

/* Prints what went wrong. 0, or the exit status to end with. */
extern int stored_load(stored *s, context const *cx);
extern void stored_free(stored *s);

/*
 * [bundle] state, from a file that may be missing or broken: where it does not say, the default. To be
 * freed. 0: memory is short, or the file cannot be read, which is said to stderr.
 */
extern char *find_state(context const *cx);

#endif

#ifndef CTL_STATUS_LOOK_H
#define CTL_STATUS_LOOK_H

#include <skalibs/genalloc.h>
#include <skalibs/stralloc.h>

#include <runlib/deaths.h>

#include <ctl/live/live.h>
#include <ctl/status/proctree.h>
#include <ctl/status/snapshot-internal.h>

/* What all services are looked at with, and the two larger parts of such a look. */

/* The names that a directory has. */
typedef struct names_s names;
struct names_s
{
  stralloc all; /* each with a NUL */
  int known;
};

typedef struct look_s look;
struct look_s
{
  snapshot *s;
  stored const *st;
  snapshot const *before;
  int proc;     /* descriptors: /proc */
  int dirs;     /* RUN/servicedirs */
  int started;  /* RUN/started */
  int no_dirs;  /* there is no RUN/servicedirs */
  int found;    /* something runs */
  names deaths; /* of the files in RUN/deaths, RUN/orphans: asked once, because most services have none */
  names orphans;
  genalloc supervisors; /* of pid_t: the s6-supervise */
  stralloc path;
};

/*
 * What s6 says of a service: its state, which is returned, pid, since, and whether it is wanted. Fills st, and
 * p if its process can be seen; else p->pid is 0.
 */
extern service_state look_state(look *l, service_fields *f, live_status *st, process *p, deaths_state dead);
/* of: the service's process, as look_state left it. */
extern void look_logger(look *l, service_fields *f, process const *of);

/* What its processes use, what they were started from, and whether the one before them lives on. */
extern void look_process(look const *l, service_fields *f, live_status const *st, process const *p,
                         char const *content);
/* There is no process. */
extern void look_no_process(service_fields *f);

#endif

#ifndef SERVICES_SMTPD_CONFINED_H
#define SERVICES_SMTPD_CONFINED_H

#include <runlib/confine.h>

#include "options.h"

/* What a session may still do: smtpd(8), "A session that is taken over". Times and memory are the kernel's to count. */
typedef struct confined_s confined;
struct confined_s
{
  int made;
  int runs_programs; /* plugins, or a program that queues or checks passwords: it must be let do what they do */
  int spool[3];      /* tmp, todo and held; -1: none, or behind a socket */
  int paths;         /* -1: none, or this kernel has no Landlock */
  uint64_t longest; /* bytes of a file that it may write; 0: no limit */
  confine_calls calls;
};

/* As the options and control/ have it; again after each change. Returns 0, or -1 and errno: without paths then. */
extern int confined_make(confined *x, options const *o, control const *c);
/* Closes all descriptors above 2, too. Returns 0, or -1 and errno. */
extern int confined_enter(confined const *x);

#endif

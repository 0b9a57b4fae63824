#ifndef CTL_PLAN_PLAN_H
#define CTL_PLAN_PLAN_H

#include <stddef.h>

#include <skalibs/genalloc.h>
#include <skalibs/stralloc.h>

#include <services/contract/service.h>

/*
 * What a configuration asks for: a list of services, each with all the files of its service directory.
 * Pure: the same bundle gives the same plan, byte for byte.
 */

#define PLAN_HASH 32 /* hex digits of a content hash: half of a SHA-256 */

typedef struct planned_s planned;
struct planned_s
{
  service sv;                  /* its files sorted by path; needs holds only names that the plan has */
  service_kind const *kind;    /* 0: the plan was read from a manifest */
  char content[PLAN_HASH + 1]; /* of the files that a change of which needs a restart */
  char data[PLAN_HASH + 1];    /* of data/, where HUP is enough */
  char log[PLAN_HASH + 1];     /* of log/ */
};

typedef struct plan_s plan;
struct plan_s
{
  bundle const *bundle;
  genalloc services; /* of planned, in start order: what a service needs stands before it */
  stralloc text;     /* of one that was read from a manifest: what its users point into */
};
#define PLAN_ZERO                                                                                            \
  {                                                                                                          \
    .bundle = 0, .services = GENALLOC_ZERO, .text = STRALLOC_ZERO                                            \
  }

#define plan_services(p) genalloc_s(planned, &(p)->services)
#define plan_count(p)    genalloc_len(planned, &(p)->services)

/* Says problems (a dependency cycle, what the services find) to r. 0, or -1 and errno (ENOMEM). */
extern int plan_make(plan *p, bundle const *b, report *r);
extern planned *plan_find(plan const *p, char const *name);
/* Whether name is among names, or one of them needs it; without names, every service is. */
extern int plan_chosen(plan const *p, char const *name, int argc, char const *const *names);
/* A digest's first half, in hex. */
extern void plan_hex(char s[PLAN_HASH + 1], char const *digest);
extern void plan_free(plan *p);

#endif

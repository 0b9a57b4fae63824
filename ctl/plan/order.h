#ifndef CTL_PLAN_ORDER_H
#define CTL_PLAN_ORDER_H

#include <skalibs/genalloc.h>

#include <services/contract/report.h>

/*
 * Puts services (of planned) in start order: by name, but what one needs stands before it. Drops needs
 * that the list does not have. A cycle is said to r, with its members, and the order is then unspecified.
 * 0, or -1 and errno (ENOMEM).
 */
extern int order_services(genalloc *services, report *r);

#endif

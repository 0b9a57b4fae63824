#ifndef SERVICES_MONITOR_QUEUES_H
#define SERVICES_MONITOR_QUEUES_H

#include <skalibs/stralloc.h>

#include <services/service.h>

/*
 * The i-th folder that the bundle's monitor counts, from 0, into path (emptied first), NUL included.
 * s: the section [monitor]. Returns 1, or 0 where there are no more, or -1 and errno.
 */
extern int monitor_queue(stralloc *path, bundle const *b, section const *s, size_t i);

#endif

#ifndef SERVICES_SPOOL_HEAP_H
#define SERVICES_SPOOL_HEAP_H

#include <stdint.h>

#include <skalibs/genalloc.h>

/* Numbers in an array (a genalloc of uint32_t), the smallest by `less` at its beginning. */
typedef struct heap_order_s heap_order;
struct heap_order_s
{
  int (*less)(void const *data, uint32_t a, uint32_t b);
  void (*moved)(void *data, uint32_t a, uint32_t place); /* 0: nobody wants to know */
  void *data;
};

/* Returns 0, or -1 and ENOMEM. */
extern int heap_push(genalloc *heap, heap_order const *o, uint32_t a);
/* Takes out what is at place. */
extern uint32_t heap_take(genalloc *heap, heap_order const *o, uint32_t place);
/* What is at place has become smaller or greater. */
extern void heap_settle(genalloc *heap, heap_order const *o, uint32_t place);

#endif

#ifndef TESTS_UNIT_MEMORY_H
#define TESTS_UNIT_MEMORY_H

#include <errno.h>
#include <stdlib.h>

#include "unit.h"

/* An allocator that can be told to fail. Under the sanitizers malloc is theirs, and there is nothing to replace. */
#if UNIT_OWN_MALLOC

extern void *__libc_malloc(size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_calloc(size_t, size_t);
extern void __libc_free(void *);

static struct
{
  unsigned int until; /* 1: the next allocation fails; 0: none will */
  int lasting;
  int failed;
  long held; /* allocations not freed yet */
} memory;

/* The nth allocation from now on fails; and, if lasting, all after it. */
static void memory_lack(unsigned int nth, int lasting)
{
  memory.failed = 0;
  memory.lasting = lasting;
  memory.until = nth;
}

/* There is memory again. Returns whether an allocation failed. */
static int memory_back(void)
{
  memory.until = 0;
  return memory.failed;
}

static int memory_fails(void)
{
  if (!memory.until) return 0;
  if (memory.until > 1) return memory.until--, 0;
  memory.until = memory.lasting ? 1 : 0;
  memory.failed = 1;
  errno = ENOMEM;
  return 1;
}

void *malloc(size_t n)
{
  if (memory_fails()) return 0;
  memory.held++;
  return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
  if (memory_fails()) return 0;
  memory.held++;
  return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
  if (memory_fails()) return 0;
  memory.held += !p;
  return __libc_realloc(p, n);
}

void free(void *p)
{
  memory.held -= p != 0;
  __libc_free(p);
}

/* Whether it is in force: valgrind has one of its own. */
static int memory_ours(void)
{
  void *(*volatile allocate)(size_t) = malloc; /* what the compiler knows malloc does is not what ours does */

  memory_lack(1, 0);
  free(allocate(1));
  return memory_back();
}

#endif
#endif

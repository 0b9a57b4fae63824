#include <stdlib.h>

#include "workers-internal.h"

int workers_init(workers *c, unsigned int max)
{
  c->list = calloc(max, sizeof(pid_t));
  c->busy = c->n = 0;
  c->max = max;
  return c->list ? 0 : -1;
}

int workers_add(workers *c, pid_t pid)
{
  if (c->n == c->max) return -1;
  c->list[c->n++] = pid;
  return 0;
}

void workers_took(workers *c, pid_t pid)
{
  unsigned int i = c->busy;

  while (i < c->n && c->list[i] != pid) i++;
  if (i == c->n) return;
  c->list[i] = c->list[c->busy];
  c->list[c->busy++] = pid;
}

int workers_remove(workers *c, pid_t pid)
{
  unsigned int i = 0;

  while (i < c->n && c->list[i] != pid) i++;
  if (i == c->n) return -1;
  c->n--;
  if (i >= c->busy)
  {
    c->list[i] = c->list[c->n];
    return 0;
  }
  c->list[i] = c->list[--c->busy];
  c->list[c->busy] = c->list[c->n];
  return 1;
}

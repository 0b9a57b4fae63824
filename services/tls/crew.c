#include <stdlib.h>
#include <string.h>

#include "crew-internal.h"

int crew_init(crew *c, unsigned int max)
{
  c->list = calloc(max, sizeof(member));
  c->busy = c->n = 0;
  c->max = max;
  return c->list ? 0 : -1;
}

int crew_add(crew *c, pid_t pid, int control)
{
  if (c->n == c->max) return -1;
  c->list[c->n++] = (member){.pid = pid, .control = control};
  return 0;
}

unsigned int crew_count(crew const *c, unsigned char const key[16])
{
  unsigned int n = 0;

  for (unsigned int i = 0; i < c->busy; i++) n += !memcmp(c->list[i].key, key, 16);
  return n;
}

int crew_assign(crew *c, unsigned char const key[16])
{
  member *m = c->list + c->busy;
  int control;

  if (c->busy == c->n) return -1;
  control = m->control;
  memcpy(m->key, key, 16);
  m->control = -1;
  c->busy++;
  return control;
}

int crew_remove(crew *c, pid_t pid, int *control)
{
  unsigned int i = 0;

  while (i < c->n && c->list[i].pid != pid) i++;
  if (i == c->n) return -1;
  *control = c->list[i].control;
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

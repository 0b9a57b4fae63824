#include <stdlib.h>
#include <string.h>

#include "sessions-internal.h"

int sessions_init(sessions *s, unsigned int max)
{
  s->n = 0;
  s->max = max;
  s->pids = calloc(max, sizeof *s->pids);
  s->peers = calloc(max, sizeof *s->peers);
  s->clients = calloc(max, sizeof *s->clients);
  if (s->pids && s->peers && s->clients) return 0;
  sessions_free(s);
  return -1;
}

void sessions_free(sessions *s)
{
  free(s->pids);
  free(s->peers);
  free(s->clients);
  memset(s, 0, sizeof *s);
}

unsigned int sessions_count(sessions const *s, client const *c)
{
  unsigned int count = 0;

  for (unsigned int i = 0; i < s->n; i++) count += !memcmp(s->clients + i, c, sizeof *c);
  return count;
}

void sessions_add(sessions *s, pid_t pid, endpoint const *peer)
{
  s->pids[s->n] = pid;
  s->peers[s->n] = *peer;
  endpoint_client(s->clients + s->n, peer);
  s->n++;
}

int sessions_remove(sessions *s, pid_t pid, endpoint *peer)
{
  for (unsigned int i = 0; i < s->n; i++)
    if (s->pids[i] == pid)
    {
      *peer = s->peers[i];
      s->n--;
      s->pids[i] = s->pids[s->n];
      s->peers[i] = s->peers[s->n];
      s->clients[i] = s->clients[s->n];
      return 1;
    }
  return 0;
}

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <services/spool/handoff.h>

int host_of(char const *address, char *host)
{
  char const *at = strrchr(address, '@');
  size_t n = at ? strlen(at + 1) : 0;

  if (!n || n > 255) return -1;
  for (size_t i = 0; i <= n; i++)
    host[i] = (char)(at[1 + i] >= 'A' && at[1 + i] <= 'Z' ? at[1 + i] + 32 : at[1 + i]);
  return 0;
}

int handoff_is_for(spool const *s, message *m, recipient const *r)
{
  char mark = m->envelope.s[r->mark], host[256];

  if (mark == ENVELOPE_REMOTE || mark == ENVELOPE_FAILED) return 1;
  /* By stale control files a new domain of ours would be another's. */
  if (!s->out || s->stale || mark != ENVELOPE_TODO || host_of(r->address, host) < 0 ||
      mapping_local(&s->map, host))
    return 0;
  message_mark(m, r->mark, ENVELOPE_REMOTE);
  return 1;
}

/* It may have been given before, and stays in todo/ for a recipient here. */
int handoff_give(spool const *s, char const *name, int again)
{
  if (!again && faccessat(s->remote, name, F_OK, 0) == 0) return 0;
  return linkat(s->todo, name, s->out, name, 0) < 0 && errno != EEXIST ? -1 : 0;
}

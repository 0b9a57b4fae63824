#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/strerr.h>

#include "server.h"

static server *serving; /* lookups know their client alone */

static void answers_came(lookups *l)
{
  client *c = (client *)((char *)l - offsetof(client, lookups));

  if (!c->busy) return; /* what it asked for was decided without */
  c->ready = serving->ready;
  serving->ready = c;
}

int client_new(server *s, int fd)
{
  client *c = calloc(1, sizeof *c);
  struct ucred who;
  socklen_t len = sizeof who;

  if (!c) return -1;
  serving = s;
  c->fd = fd;
  c->trusted = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 && len == sizeof who && who.pid &&
               (who.uid == 0 || who.uid == geteuid());
  c->lookups.resolver = s->resolver;
  c->lookups.done = &answers_came;
  c->older = s->newest;
  if (s->newest)
    s->newest->newer = c;
  else
    s->oldest = c;
  s->newest = c;
  s->clients++;
  return 0;
}

void client_free(server *s, client *c)
{
  if (c->older)
    c->older->newer = c->newer;
  else
    s->oldest = c->newer;
  if (c->newer)
    c->newer->older = c->older;
  else
    s->newest = c->older;
  for (client **p = &s->ready; *p; p = &(*p)->ready)
    if (*p == c)
    {
      *p = c->ready;
      break;
    }
  s->clients--;
  lookups_free(&c->lookups);
  stralloc_free(&c->in);
  stralloc_free(&c->out);
  fd_close(c->fd);
  free(c);
}

void client_flush(client *c)
{
  ssize_t w;

  if (!c->out.len || c->gone) return;
  w = send(c->fd, c->out.s, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (w < 0)
  {
    c->gone |= errno != EAGAIN && errno != EINTR;
    return;
  }
  c->out.len -= (size_t)w;
  memmove(c->out.s, c->out.s + w, c->out.len);
}

static void evaluate(server *s, client *c)
{
  c->question.settings = s->settings; /* HUP may have changed them: the whole is judged by the new ones */
  c->question.now = s->wall;
  if (!judge(&c->question, &c->verdict)) return;
  c->busy = 0;
  conclude(s, c);
}

static void say(client *c, char const *answer)
{
  if (!stralloc_cats(&c->out, answer)) c->gone = 1;
}

/* The answers for one recipient of a message serve the next as well. */
static void begin(server *s, client *c)
{
  if (!*c->request.instance || strncmp(c->request.instance, c->instance, sizeof c->instance - 1))
  {
    lookups_free(&c->lookups);
    c->marked = 0;
    c->verdict.spf_done = 0;
    snprintf(c->instance, sizeof c->instance, "%s", c->request.instance);
  }
  c->question.request = &c->request;
  c->question.lookup = &lookups_find;
  c->question.world = &c->lookups;
  c->busy = 1;
  c->began = s->now;
  c->due = s->now + s->patience;
  evaluate(s, c);
}

/* Results of the message that was asked about last. */
static void tell_results(server *s, client *c)
{
  char field[1024];
  verdict const *v = &c->verdict;
  int same = *c->request.instance && !strncmp(c->request.instance, c->instance, sizeof c->instance - 1);

  if (!same || !v->spf_done || s->settings->actions[SPF_IS_NONE + v->spf.result] < ACTION_MARK)
  {
    say(c, "action=DUNNO\n\n");
    return;
  }
  c->question.request = &c->request;
  judge_results(&c->question, v, field, sizeof field);
  say(c, "action=PREPEND ");
  say(c, field);
  say(c, "\n\n");
}

static void obey(server *s, client *c)
{
  policy_request const *r = &c->request;
  int own = *r->sasl_username || !strcmp(r->policy_context, "relay");

  if (!strcmp(r->request, "policyd_command"))
  {
    policy_command_run(s, c);
    return;
  }
  counter_add(s->tallies[TALLY_QUESTIONS], 1);
  if (!own && !strcmp(r->protocol_state, "DATA"))
    tell_results(s, c);
  else if (strcmp(r->protocol_state, "RCPT"))
    say(c, "action=DUNNO\n\n");
  else if (!own)
    begin(s, c);
  else
  {
    if (s->store) greylist_wrote(s->store, r, s->wall);
    say(c, "action=DUNNO\n\n");
  }
}

/* Begins what has come whole, until something is awaited. */
static void client_go_on(server *s, client *c)
{
  while (!c->busy && !c->gone)
  {
    char const *wrong;
    if (c->taken)
    {
      c->in.len -= c->taken;
      memmove(c->in.s, c->in.s + c->taken, c->in.len);
      c->taken = 0;
    }
    c->taken = policy_request_length(c->in.s, c->in.len);
    if (!c->taken) break;
    wrong = policy_request_read(&c->request, c->in.s, c->taken);
    if (wrong)
    {
      strerr_warnw("a client asked what makes no sense: ", wrong);
      c->gone = 1; /* as the protocol wants it in trouble */
      return;
    }
    obey(s, c);
  }
  if (!c->busy && c->in.len >= POLICY_REQUEST_MAX) c->gone = 1;
}

void client_judge(server *s, client *c)
{
  evaluate(s, c);
  client_go_on(s, c);
}

void client_read(server *s, client *c)
{
  ssize_t r;

  if (!stralloc_readyplus(&c->in, 2048))
  {
    c->gone = 1;
    return;
  }
  r = recv(c->fd, c->in.s + c->in.len, c->in.a - c->in.len, MSG_DONTWAIT);
  if (r < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (r < 0) c->gone = 1;
  if (!r) c->ended = 1;
  if (r <= 0) return;
  c->in.len += (size_t)r;
  client_go_on(s, c);
}

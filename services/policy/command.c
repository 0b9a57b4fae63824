#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "server.h"

/*
 * What `mailctl policy` asks: request=policyd_command, command=list|forget|add, client_address, and for
 * forget sender and recipient. The answer is lines `NAME VALUE` and action=ok, or action=error with a reason.
 */

#define LIST_MAX 100000 /* networks that are listed */

typedef struct listing_s listing;
struct listing_s
{
  client *c;
  unsigned int n;
};

static int put_network(void *data, unsigned char const *key, size_t len, store_value const *v)
{
  listing *l = data;
  unsigned char ip[16] = {0};
  char text[INET6_ADDRSTRLEN], line[128];
  int v4 = len == 4;

  memcpy(ip, key + 1, len - 1 < sizeof ip ? len - 1 : sizeof ip);
  inet_ntop(v4 ? AF_INET : AF_INET6, ip, text, sizeof text);
  snprintf(line, sizeof line, "network %s/%u %s %u %u\n", text, v4 ? 24U : 64U,
           v->count >= GREYLIST_NETWORK_KNOWN ? "known" : "counted", v->count, v->last);
  return !stralloc_cats(&l->c->out, line) || ++l->n == LIST_MAX;
}

static void end(client *c, char const *how, char const *why)
{
  if (!stralloc_cats(&c->out, "action=") || !stralloc_cats(&c->out, how) || !stralloc_cats(&c->out, why) ||
      !stralloc_cats(&c->out, "\n\n"))
    c->gone = 1;
}

void policy_command_run(server *s, client *c)
{
  policy_request const *r = &c->request;
  listing l = {c, 0};
  char text[64];

  c->question.request = r;
  c->question.now = s->wall;
  if (!c->trusted)
    end(c, "error ", "only root and policyd's own user may do that");
  else if (!s->store)
    end(c, "error ", "there is no store");
  else if (!strcmp(r->command, "list"))
  {
    store_walk(s->store, GREYLIST_NETWORK, &put_network, &l);
    end(c, "ok", "");
  }
  else if (!judge_address(&c->question))
    end(c, "error ", "client_address is no address");
  else if (!strcmp(r->command, "forget"))
  {
    snprintf(text, sizeof text, " %u", greylist_forget(s->store, &c->question));
    end(c, "ok", text);
  }
  else if (!strcmp(r->command, "add"))
    greylist_add(s->store, &c->question) < 0 ? end(c, "error ", "the store is full, or cannot be written to")
                                             : end(c, "ok", "");
  else
    end(c, "error ", "unknown command");
}

#include <stdio.h>
#include <string.h>

#include "filters.h"

/* Whether the milter wants that macro there: as it listed them, else where Sendmail sends it. */
static int is_wanted(agreed const *a, unsigned int where, char const *name, unsigned int usual)
{
  char const *s = a->macros[where];
  size_t n;

  if (!(a->listed & 1u << where)) return !!(usual & 1u << where);
  for (s += strspn(s, " ,"); *s; s += n + strspn(s + n, " ,"))
    if ((n = strcspn(s, " ,")) == strlen(name) && !strncmp(s, name, n)) return 1;
  return 0;
}

static char const *host_of(char const *address)
{
  char const *at = strrchr(address, '@');
  return at ? at + 1 : "";
}

int macros_put(session *s, unsigned int i, unsigned int where, char letter)
{
  session_config const *c = s->config;
  filter *f = s->filters->of + i;
  char protocol[32] = "", client[300];
  size_t n = s->tls ? strcspn(s->tls_name.s, " ") : 0, at;
  char const *cipher = n && s->tls_name.s[n] ? s->tls_name.s + n + 1 : 0, *user = s->user.len ? s->user.s : 0;
  char const *from = where >= 2 ? s->from.s : 0, *rcpt = where == 3 ? s->rcpt.s : 0;
  char const *refusal = s->filters->refusal;

  snprintf(client, sizeof client, "%s [%s]", c->remotehost, c->remoteip);
  if (n && n < sizeof protocol) memcpy(protocol, s->tls_name.s, n);
  struct
  {
    char const *name;
    unsigned int usual; /* bits */
    char const *value;  /* 0: there is none */
  } const macros[] = {{"j", 1u << 0, c->control->me.s},
                      {"_", 1u << 0, client},
                      {"v", 1u << 0, "mailctl " VERSION},
                      {"{daemon_name}", 1u << 0, c->submission ? "submission" : "smtpd"},
                      {"{daemon_addr}", 1u << 0, c->localip},
                      {"{daemon_port}", 1u << 0, c->localport},
                      {"{if_name}", 1u << 0, c->local},
                      {"{if_addr}", 1u << 0, c->localip},
                      {"{client_addr}", 1u << 0, c->remoteip},
                      {"{client_name}", 1u << 0, c->remotehost},
                      {"{client_ptr}", 1u << 0, c->remotehost},
                      {"{client_port}", 1u << 0, c->remoteport},
                      {"{tls_version}", 1u << 1, n ? protocol : 0},
                      {"{cipher}", 1u << 1, cipher},
                      {"{cipher_bits}", 1u << 1, cipher ? strstr(cipher, "128") ? "128" : "256" : 0},
                      {"i", 0x74, where >= 2 ? s->filters->id : 0},
                      {"{auth_type}", 1u << 2, user ? "PLAIN" : 0},
                      {"{auth_authen}", 1u << 2, user},
                      {"{mail_mailer}", 1u << 2, from ? "smtp" : 0},
                      {"{mail_host}", 1u << 2, from ? host_of(from) : 0},
                      {"{mail_addr}", 1u << 2, from},
                      {"{rcpt_mailer}", 1u << 3, rcpt ? refusal ? "error" : "smtp" : 0},
                      {"{rcpt_host}", 1u << 3, rcpt ? refusal ? "" : host_of(rcpt) : 0},
                      {"{rcpt_addr}", 1u << 3, refusal ? refusal : rcpt}};

  if (packet_begin(&f->out, 'D', &at) < 0 || !stralloc_catb(&f->out, &letter, 1)) return -1;
  for (unsigned int k = 0; k < sizeof macros / sizeof *macros; k++)
    if (macros[k].value && is_wanted(&f->agreed, where, macros[k].name, macros[k].usual) &&
        (!stralloc_catb(&f->out, macros[k].name, strlen(macros[k].name) + 1) ||
         !stralloc_catb(&f->out, macros[k].value, strlen(macros[k].value) + 1)))
      return -1;
  packet_end(&f->out, at);
  return 0;
}

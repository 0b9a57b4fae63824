#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/env.h>
#include <skalibs/types.h>

#include <runlib/tcp/environ.h>

#define OWN 7 /* variables, at most, that are added */

static char const *const names[] = {
    "PROTO=",       "TCPLOCALHOST=",  "TCPLOCALIP=",    "TCPLOCALLABEL=", "TCPLOCALPORT=",
    "TCPREMOTEIP=", "TCPREMOTEHOST=", "TCPREMOTEINFO=", "TCPREMOTEPORT=",
};

static int is_ours(char const *var)
{
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (!strncmp(var, names[i], strlen(names[i]))) return 1;
  return 0;
}

int environment_init(environment *e, char const *const *envp, char const *name)
{
  size_t n = env_len(envp);

  e->kept = 0;
  e->local_host = 0;
  e->vars = calloc(n + OWN + 1, sizeof *e->vars);
  if (!e->vars) return -1;
  if (name)
  {
    if (asprintf(&e->local_host, "TCPLOCALHOST=%s", name) < 0) return (e->local_host = 0, -1);
    e->vars[e->kept++] = e->local_host;
  }
  for (size_t i = 0; i < n; i++)
    if (!is_ours(envp[i])) e->vars[e->kept++] = envp[i];
  return 0;
}

static char const *with_ip(char *s, char const *name, endpoint const *end)
{
  size_t n = strlen(name);

  memcpy(s, name, n);
  endpoint_fmt_ip(s + n, end);
  return s;
}

static char const *with_port(char *s, char const *name, endpoint const *end)
{
  size_t n = strlen(name);

  memcpy(s, name, n);
  s[n + uint16_fmt(s + n, end->port)] = 0;
  return s;
}

void environment_set(environment *e, endpoint const *local, endpoint const *remote, char const *label)
{
  char const **v = e->vars + e->kept;

  *v++ = "PROTO=TCP";
  *v++ = with_ip(e->local_ip, "TCPLOCALIP=", local);
  *v++ = with_port(e->local_port, "TCPLOCALPORT=", local);
  *v++ = with_ip(e->remote_ip, "TCPREMOTEIP=", remote);
  *v++ = with_port(e->remote_port, "TCPREMOTEPORT=", remote);
  if (label[0])
  {
    memcpy(e->label, "TCPLOCALLABEL=", 14);
    strcpy(e->label + 14, label);
    *v++ = e->label;
  }
  *v = 0;
}

void environment_free(environment *e)
{
  free(e->local_host);
  free(e->vars);
  e->local_host = 0;
  e->vars = 0;
}

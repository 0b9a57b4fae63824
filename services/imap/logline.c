#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logline.h"

/* The last `, NAME=` of the line: what stands before it, a client may have written as its user's name. */
static char const *value_of(char const *line, char const *name)
{
  char const *found = 0;

  for (char const *s = line; (s = strstr(s, name)); s++) found = s;
  return found ? found + strlen(name) : 0;
}

/* `PROTOCOL-login: Info: TEXT`, maybe behind a time. */
static char const *text_of(char const *line)
{
  char const *s = strstr(line, "-login: ");
  char const *first = strpbrk(line, "<(");

  if (!s || (first && first < s)) return 0;
  s += 8;
  return strncmp(s, "Info: ", 6) ? s : s + 6;
}

static unsigned int attempts(char const *text, char const *user)
{
  char const *s = strstr(text, "(auth failed, ");
  unsigned long n;

  if (!s || (user && s > user)) return 0;
  n = strtoul(s + 14, 0, 10);
  return n > 1000 ? 1000 : (unsigned int)n;
}

static void read_ip(logline *x, char const *line)
{
  char const *ip = value_of(line, ", rip=");
  size_t n = ip ? strspn(ip, "0123456789abcdefABCDEF.:") : 0;

  if (n && n < sizeof x->ip) snprintf(x->ip, sizeof x->ip, "%.*s", (int)n, ip);
}

int logline_read(logline *x, char const *s, size_t n)
{
  static logline const none = {.logins = 0};
  char line[2048];
  char const *text, *pid;

  *x = none;
  if (n >= sizeof line || memchr(s, 0, n)) return 0;
  memcpy(line, s, n);
  line[n] = 0;
  text = text_of(line);
  if (!text) return 0;
  x->logins = !strncmp(text, "Login: user=<", 13) || !strncmp(text, "Logged in: user=<", 17);
  x->failures = x->logins ? 0 : attempts(text, strstr(text, "user=<"));
  if (!x->logins && !x->failures) return 0;
  read_ip(x, text);
  pid = x->logins ? value_of(text, ", mpid=") : 0;
  x->pid = pid ? (pid_t)strtol(pid, 0, 10) : 0;
  return 1;
}

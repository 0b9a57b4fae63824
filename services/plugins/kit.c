#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <services/plugins/kit.h>

char const *env_get(env const *e, char const *name)
{
  size_t n = strlen(name);

  for (char const *const *v = e->vars; *v; v++)
    if (!strncmp(*v, name, n) && (*v)[n] == '=') return *v + n + 1;
  return 0;
}

int env_number(env const *e, char const *name, unsigned int *n)
{
  char const *text = env_get(e, name);
  unsigned long long value = 0;

  if (!text || !*text) return 0;
  for (; *text >= '0' && *text <= '9' && value <= UINT_MAX; text++)
    value = value * 10 + (unsigned int)(*text - '0');
  if (*text || value > UINT_MAX) return -1;
  *n = (unsigned int)value;
  return 1;
}

/* Puts the text into s, cut to size bytes with the NUL and clean of control characters. Returns its whole length. */
static size_t format_into(char *s, size_t size, char const *format, va_list args)
{
  int n = vsnprintf(s, size, format, args);

  for (; *s; s++)
    if ((unsigned char)*s < ' ' || *s == 127) *s = '?';
  return n < 0 ? size : (size_t)n;
}

void decision_say(decision *d, char letter, char const *format, ...)
{
  size_t room = sizeof d->out - d->len;
  va_list args;
  size_t n;

  if (d->ended || room < 3) return;
  va_start(args, format);
  n = format_into(d->out + d->len + 1, room - 1, format, args);
  va_end(args);
  if (n + 2 >= room)
  {
    d->ended = 1;
    decision_log(d, "a reply is too long and was left out");
    return;
  }
  d->out[d->len] = letter;
  d->out[d->len + n + 1] = '\n';
  d->len += n + 2;
  if (strchr("ANOERD", letter)) d->ended = 1;
}

void decision_log(decision *d, char const *format, ...)
{
  va_list args;

  va_start(args, format);
  format_into(d->log, sizeof d->log, format, args);
  va_end(args);
}

/* Returns 0, or -1 and errno. */
static int put(int fd, char const *s, size_t n)
{
  while (n)
  {
    ssize_t w = write(fd, s, n);
    if (w < 0 && errno != EINTR) return -1;
    if (w > 0) s += w, n -= (size_t)w;
  }
  return 0;
}

/* One write, so that the lines of many plugins do not mix. */
static void write_log(char const *name, char const *message)
{
  char line[640];
  int n = snprintf(line, sizeof line, "%s: pid %d - %s\n", name, (int)getppid(), message);

  if (n > 0) (void)put(2, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

static void wait_for(unsigned int ms)
{
  struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
  while (nanosleep(&ts, &ts) < 0)
    ;
}

static int say(int fd, char const *a, char const *b, char const *c)
{
  return put(fd, a, strlen(a)) < 0 || put(fd, b, strlen(b)) < 0 || put(fd, c, strlen(c)) < 0 ? 111 : 0;
}

static int usage(char const *const *argv, plugin const *p)
{
  if (!strcmp(argv[1], "--help"))
    return say(1, "usage: ", p->help, "Run by smtpd for an SMTP command: see spp(7).\n");
  if (!strcmp(argv[1], "--version")) return say(1, p->name, " (mailctl) " VERSION, "\n");
  say(2, p->name, ": fatal: takes no arguments (see --help)", "\n");
  return 100;
}

int plugin_run(int argc, char const *const *argv, plugin const *p)
{
  env e = {.vars = (char const *const *)environ};
  static decision d; /* not on the stack: pages that nobody touches cost nothing */

  if (argc > 1) return usage(argv, p);
  p->decide(&e, &d);
  if (d.log[0]) write_log(p->name, d.log);
  if (d.delay) wait_for(d.delay);
  return put(1, d.out, d.len) < 0 ? 111 : 0;
}

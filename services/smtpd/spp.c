#include <errno.h>
#include <string.h>

#include <runlib/enhanced.h>

#include "path.h"
#include "spp.h"

#define SPP_VARS_MAX  (128ul << 10) /* of all variables together */
#define SPP_RUNS_MAX  10000 /* plugins run for one message: a session that needs more goes on without end */
#define SPP_RUNS_OVER "421 4.7.0 too many commands without a message\r\n"
#define SPP_KEPT_MAX  (64ul << 10) /* of headers, and of replies kept for later */

static spp_section section_of(char const *line)
{
  switch (line[1])
  {
    case 'c': return SPP_CONNECTION;
    case 'h': return SPP_HELO;
    case 'm': return SPP_MAIL;
    case 'r': return SPP_RCPT;
    case 'd': return SPP_DATA;
    case 'a': return SPP_AUTH;
    case 'p': return SPP_PASS;
    default: return SPP_NONE;
  }
}

char const *spp_next(stralloc const *list, size_t *at, spp_section *section)
{
  char const *line;

  if (*at >= list->len) return 0;
  line = list->s + *at;
  *at += strlen(line) + 1;
  if (*line == '[') *section = section_of(line);
  return line;
}

static char *find(spp const *p, char const *name, size_t len)
{
  char *s = p->vars.s;
  char *end = s ? s + p->vars.len : 0; /* no arithmetic on the null pointer of an empty stralloc */

  for (; s < end; s += strlen(s) + 1)
    if (!strncmp(s, name, len) && (s[len] == '=' || !s[len])) return s;
  return 0;
}

static void forget(spp *p, char const *name, size_t len)
{
  char *s = find(p, name, len);
  size_t n;

  if (!s) return;
  n = strlen(s) + 1;
  memmove(s, s + n, (size_t)(p->vars.s + p->vars.len - s) - n);
  p->vars.len -= n;
}

/* entry: NAME=VALUE, or NAME to unset. */
static int set(spp *p, char const *entry, size_t len)
{
  char const *equals = memchr(entry, '=', len);

  forget(p, entry, equals ? (size_t)(equals - entry) : len);
  if (p->vars.len + len >= SPP_VARS_MAX)
  {
    errno = E2BIG;
    return -1;
  }
  return stralloc_catb(&p->vars, entry, len) && stralloc_0(&p->vars) ? 0 : -1;
}

int spp_set(spp *p, char const *name, char const *value)
{
  size_t len = strlen(name);
  size_t n = value ? strlen(value) : 0;

  forget(p, name, len);
  if (p->vars.len + len + n + 2 > SPP_VARS_MAX)
  {
    errno = E2BIG;
    return -1;
  }
  if (!stralloc_readyplus(&p->vars, len + n + 2)) return -1;
  stralloc_catb(&p->vars, name, len);
  if (value) stralloc_catb(&p->vars, "=", 1);
  if (n) stralloc_catb(&p->vars, value, n);
  stralloc_catb(&p->vars, "", 1);
  return 0;
}

char const *spp_get(spp const *p, char const *name, int *unset)
{
  size_t len = strlen(name);
  char const *s = find(p, name, len);

  *unset = s && !s[len];
  return s && s[len] ? s + len + 1 : 0;
}

void spp_reset(spp *p)
{
  p->headers.len = 0;
  for (unsigned int i = 0; i < 3; i++) p->later[i].len = 0;
  p->count = p->tried = 0;
}

void spp_free(spp *p)
{
  stralloc_free(&p->vars);
  stralloc_free(&p->headers);
  for (unsigned int i = 0; i < 3; i++) stralloc_free(&p->later[i]);
}

static int is_digit(char c)
{
  return c >= '0' && c <= '9';
}

/* Returns how many bytes of s it took, none unless these are a refusal's code (RFC 5321, 4.2), or -1. */
static int put_code(stralloc *sa, char const *s, size_t len)
{
  char const *code;
  size_t n;

  if (len < 4 || (*s != '4' && *s != '5') || !is_digit(s[1]) || !is_digit(s[2]) ||
      (s[3] != ' ' && s[3] != '-'))
    return 0;
  code = enhanced_for(*s, s + 4, len - 4, *s == '4' ? "4.7.1" : "5.7.1", &n);
  if (!n) return 0;
  return stralloc_catb(sa, s, 4) && stralloc_catb(sa, code, n) && stralloc_catb(sa, " ", 1) ? 4 : -1;
}

int spp_reply(stralloc *sa, char const *s, size_t len)
{
  int n;

  if (!len) return stralloc_cats(sa, "554 5.7.1 refused\r\n") ? 0 : -1;
  n = put_code(sa, s, len);
  if (n < 0) return -1;
  s += n;
  len -= (size_t)n;
  if (!stralloc_readyplus(sa, len + 2)) return -1;
  for (; len; len--, s++) sa->s[sa->len++] = (unsigned char)*s < 32 || *s == 127 ? '?' : *s;
  return stralloc_catb(sa, "\r\n", 2) ? 0 : -1;
}

static int keep_reply(spp *p, char const *s, size_t len)
{
  stralloc *sa = len ? *s == 'M' ? &p->later[0] : *s == 'R' ? &p->later[1] : *s == 'D' ? &p->later[2] : 0 : 0;

  if (!sa || sa->len + len > SPP_KEPT_MAX) return 0;
  return spp_reply(sa, s + 1, len - 1);
}

/* An empty line would end the header, a CR would be a line's end to some and not to others. */
static int keep_header(spp *p, char const *s, size_t len)
{
  if (!len || memchr(s, 0, len) || memchr(s, '\r', len) || p->headers.len + len > SPP_KEPT_MAX) return 0;
  return stralloc_catb(&p->headers, s, len) && stralloc_catb(&p->headers, "\n", 1) ? 0 : -1;
}

/* An address that no envelope can hold, or nobody for a recipient, is passed over. */
static int replace(spp *p, char const *s, size_t len, spp_run const *run)
{
  if (!run->variable || len > PATH_MAX_ADDRESS || (!len && !strcmp(run->variable, "SMTPRCPTTO"))) return 0;
  for (size_t i = 0; i < len; i++)
    if ((unsigned char)s[i] < 32 || s[i] == 127) return 0;
  if (!stralloc_copyb(run->address, s, len) || !stralloc_0(run->address)) return -1;
  run->address->len--;
  return spp_set(p, run->variable, run->address->s);
}

static int set_or_unset(spp *p, char letter, char const *s, size_t len)
{
  char const *equals = memchr(s, '=', len);

  if (memchr(s, 0, len) || !len || equals == s || !equals == (letter == 'S')) return 0;
  if (set(p, s, len) == 0) return 0;
  return errno == E2BIG ? 0 : -1;
}

/* One line: its letter, then its text. Returns 0 or -1. */
static int obey(spp *p, char letter, char const *s, size_t len, spp_run const *run)
{
  switch (letter)
  {
    case 'A': p->off = 1; return 0;
    case 'E':
    case 'R': return spp_reply(run->out, s, len);
    case 'P': return len ? spp_reply(run->out, s, len) : 0;
    case 'L': return keep_reply(p, s, len);
    case 'S':
    case 'U': return set_or_unset(p, letter, s, len);
    case 'H': return keep_header(p, s, len);
    case 'C': return replace(p, s, len, run);
    default: return 0;
  }
}

int spp_output(spp *p, char const *text, size_t len, spp_run const *run)
{
  while (len)
  {
    char const *newline = memchr(text, '\n', len);
    size_t n = newline ? (size_t)(newline - text) : len;
    size_t all = newline ? n + 1 : n;

    if (n && text[n - 1] == '\r') n--;
    if (n)
    {
      if (obey(p, *text, text + 1, n - 1, run) < 0) return -1;
      if (*text && strchr("ANOERD", *text)) return *text;
    }
    text += all;
    len -= all;
  }
  return 0;
}

int spp_refused_earlier(spp *p, spp_section section, stralloc *out)
{
  stralloc *sa = &p->later[section - SPP_MAIL];

  if (!sa->len) return 0;
  return stralloc_catb(out, sa->s, sa->len) ? 1 : -1;
}

/* Whether a plugin that was killed had said what it had to say. */
static int decided(stralloc const *output)
{
  char const *s = output->s;
  size_t len = output->len;

  while (len)
  {
    char const *newline = memchr(s, '\n', len);
    if (!newline) return 0;
    if (*s && strchr("ANOERD", *s)) return 1;
    len -= (size_t)(newline + 1 - s);
    s = newline + 1;
  }
  return 0;
}

static int log_plugin(spp_run const *run, char const *what, char const *plugin)
{
  stralloc sa = STRALLOC_ZERO;
  int ok = stralloc_cats(&sa, "plugin: ") && stralloc_cats(&sa, what) && stralloc_cats(&sa, " plugin=") &&
           stralloc_cats(&sa, plugin);

  if (ok && run->operations->log_room(run->operations->host, sa.len, 0))
    run->operations->log(run->operations->host, sa.s, sa.len);
  stralloc_free(&sa);
  return ok ? 0 : -1;
}

static int fail(spp_run const *run, char const *plugin, char const *why)
{
  if (log_plugin(run, why, plugin) < 0) return -1;
  return stralloc_cats(run->out, "451 4.3.0 qmail-spp failure: ") && stralloc_cats(run->out, plugin) &&
                 stralloc_cats(run->out, ": ") && stralloc_cats(run->out, why) &&
                 stralloc_cats(run->out, " (#4.3.0)\r\n")
             ? SPP_REFUSE
             : -1;
}

static int run_one(spp *p, char const *plugin, spp_run const *run, stralloc *output, int *last)
{
  operations const *e = run->operations;
  plugin_end end;
  int letter;

  *last = 1;
  if (++p->runs > SPP_RUNS_MAX) return stralloc_cats(run->out, SPP_RUNS_OVER) ? SPP_DROP : -1;
  end = e->plugin(e->host, plugin, &p->vars, output);
  if (end == PLUGIN_TIMEOUT)
  {
    e->count(e->host, TALLY_PLUGIN_TIMEOUTS);
    if (run->closed && !decided(output)) return fail(run, plugin, "timed out");
    if (log_plugin(run, "timed out", plugin) < 0) return -1;
    if (!decided(output)) output->len = 0;
  }
  else if (end != PLUGIN_RAN)
    return fail(run, plugin,
                end == PLUGIN_CRASHED   ? "child crashed"
                : end == PLUGIN_MISSING ? "can't execute"
                                        : "can't run it");
  letter = spp_output(p, output->s, output->len, run);
  *last = letter != 0;
  switch (letter)
  {
    case -1: return -1;
    case 'E': return SPP_REFUSE;
    case 'R':
    case 'D': return SPP_DROP;
    case 'O': return SPP_OVERRIDE;
    default: return SPP_GO;
  }
}

int spp_section_run(spp *p, spp_section section, spp_run const *run)
{
  stralloc output = STRALLOC_ZERO;
  spp_section current = SPP_NONE;
  char const *line;
  size_t at = 0;
  int verdict = SPP_GO;
  int last = 0;

  if (p->off) return SPP_GO;
  if (run->variable && spp_set(p, run->variable, run->address->s) < 0) return -1;
  while (!last && (line = spp_next(run->plugins, &at, &current)))
  {
    if (*line == '[' || current != section) continue;
    output.len = 0;
    verdict = run_one(p, line, run, &output, &last);
  }
  stralloc_free(&output);
  return verdict;
}

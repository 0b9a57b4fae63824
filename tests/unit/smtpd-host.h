#ifndef TESTS_SMTPD_WORLD_H
#define TESTS_SMTPD_WORLD_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/stralloc.h>

#include <services/smtpd/budget.h>
#include <services/smtpd/session.h>

/* A host in memory for the session: what it does is written down, what it learns is scripted. */

typedef struct fake_s fake;
struct fake_s
{
  control control;
  session_config config;
  operations operations;
  session session;
  size_t output_len;
  char const *output; /* what every plugin says */
  plugin_end end;
  int open_fails;
  int code;          /* of the queue program */
  char const *words; /* and its own */
  int is_open;
  uint64_t now;   /* microseconds; 0: a day in 2023 */
  int relayed_ok; /* to the fuzzers' checks */
  int throttled;
  int logins; /* that began and were not forgiven */
  login login;
  stralloc plugins_run; /* their names, each with a newline */
  stralloc vars;        /* of the last plugin */
  stralloc message;     /* the last one queued */
  stralloc old;         /* what it was before it was made anew */
  int anew;
  int held;
  char const *milter; /* what the milters say, in turns: packets */
  size_t milter_len;
  stralloc told; /* what they were told */
  unsigned int level;
  stralloc envelope;
  stralloc log;
  stralloc out; /* all replies */
  unsigned int queued, abandoned, pauses;
  budget *budget; /* 0: no bound */
  unsigned int tallies[TALLIES];
};

/* A plugin `say TEXT` says TEXT, `|` for a newline; `crash`, `missing` and `hang TEXT` end so. */
static plugin_end fake_plugin(void *host, char const *command, stralloc const *vars, stralloc *output)
{
  fake *f = host;
  char const *text = f->output ? f->output : "";

  if (!stralloc_cats(&f->plugins_run, command) || !stralloc_cats(&f->plugins_run, "\n")) abort();
  if (!stralloc_copy(&f->vars, vars) || !stralloc_0(&f->vars)) abort();
  if (!strcmp(command, "crash")) return PLUGIN_CRASHED;
  if (!strcmp(command, "missing")) return PLUGIN_MISSING;
  if (!strncmp(command, "say ", 4)) text = command + 4;
  if (!strncmp(command, "hang", 4)) text = command + (command[4] ? 5 : 4);
  for (; *text; text++)
    if (!stralloc_append(output, *text == '|' ? '\n' : *text)) abort();
  return strncmp(command, "hang", 4) ? f->end : PLUGIN_TIMEOUT;
}

static int fake_open(void *host, stralloc const *vars)
{
  fake *f = host;
  (void)vars;
  if (f->is_open) abort();
  if (f->open_fails) return (errno = f->open_fails, -1);
  f->is_open = 1;
  f->message.len = 0;
  f->anew = f->held = 0;
  return 0;
}

static void fake_put(void *host, char const *bytes, size_t len)
{
  fake *f = host;
  if (!f->is_open || !stralloc_catb(&f->message, bytes, len)) abort();
}

static int fake_close(void *host, char const *envelope, size_t len, unsigned long *id)
{
  fake *f = host;
  if (!f->is_open || !stralloc_copyb(&f->envelope, envelope, len)) abort();
  /* A message has no bare CR, and ends with a newline. */
  if (!f->message.len || f->message.s[f->message.len - 1] != '\n' ||
      memchr(f->message.s, '\r', f->message.len))
    abort();
  f->is_open = 0;
  f->queued++;
  *id = 42;
  return f->code;
}

static long fake_read(void *host, uint64_t at, char *to, size_t max)
{
  fake const *f = host;
  stralloc const *sa = f->anew ? &f->old : &f->message;

  if (at >= sa->len) return 0;
  if (max > sa->len - at) max = sa->len - (size_t)at;
  memcpy(to, sa->s + at, max);
  return (long)max;
}

static int fake_again(void *host)
{
  fake *f = host;

  if (!f->is_open || f->anew) abort();
  if (!stralloc_copy(&f->old, &f->message)) abort();
  f->message.len = 0;
  f->anew = 1;
  return 0;
}

static int fake_settle(void *host, int keep)
{
  fake *f = host;

  if (!f->is_open || !f->anew) abort();
  if (!keep && !stralloc_copy(&f->message, &f->old)) abort();
  f->anew = 0;
  return 0;
}

static int fake_hold(void *host)
{
  ((fake *)host)->held = 1;
  return 0;
}

/* --- milters ------------------------------------------------------------------------------------- */

static int fake_milter_open(void *host, unsigned int i)
{
  (void)i;
  return ((fake const *)host)->milter_len ? 0 : (errno = ECONNREFUSED, -1);
}

/* What is sent is whole packets. */
static int fake_milter_send(void *host, unsigned int i, char const *s, size_t len)
{
  fake *f = host;
  packet p;
  long n;

  (void)i;
  if (!stralloc_catb(&f->told, s, len)) abort();
  for (; len; s += n, len -= (size_t)n)
    if ((n = packet_scan(&p, s, len)) <= 0) abort();
  return 0;
}

static int fake_milter_receive(void *host, unsigned int i, unsigned int ms, packet *p)
{
  fake *f = host;
  long n = packet_scan(p, f->milter, f->milter_len);

  (void)i;
  if (!ms) abort();
  if (n <= 0) return (errno = n ? EPROTO : ECONNRESET, -1);
  f->milter += n;
  f->milter_len -= (size_t)n;
  return 0;
}

static void fake_milter_close(void *host, unsigned int i)
{
  (void)host, (void)i;
}

static int fake_milter_idle(void *host, unsigned int i)
{
  (void)host, (void)i;
  return 1;
}

static void fake_milter_asked(void *host, unsigned int i)
{
  (void)host, (void)i;
}

static void fake_milter_over(void *host, unsigned int i, uint64_t ms, int refused, int failed)
{
  (void)host, (void)i, (void)ms, (void)refused, (void)failed;
}

static unsigned int fake_overload(void *host)
{
  return ((fake const *)host)->level;
}

/* --- the rest ------------------------------------------------------------------------------------ */

static char const *fake_words(void *host)
{
  fake const *f = host;
  return f->words ? f->words : "";
}

static void fake_abandon(void *host)
{
  fake *f = host;
  if (!f->is_open) abort();
  f->is_open = 0;
  f->abandoned++;
}

static login fake_auth(void *host, char const *user, char const *password)
{
  fake *f = host;
  if (f->login != LOGIN_GOOD) return f->login;
  return !strcmp(user, "joe") && !strcmp(password, "secret") ? LOGIN_GOOD : LOGIN_REFUSED;
}

static int fake_throttled(void *host)
{
  fake *f = host;

  f->logins++;
  return f->throttled;
}

static void fake_forgive(void *host)
{
  ((fake *)host)->logins--;
}

/* This machine is 192.0.2.9, 192.0.2.10 and 2001:db8::9; what begins with 203 cannot be told. */
static int fake_own(void *host, char const *ip, size_t len)
{
  (void)host;
  if (len == 4 && (unsigned char)*ip == 203) return -1;
  if (len == 4) return !memcmp(ip, "\xc0\x00\x02\x09", 4) || !memcmp(ip, "\xc0\x00\x02\x0a", 4);
  return !memcmp(ip, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09", 16);
}

static void fake_pause(void *host, unsigned int ms)
{
  fake *f = host;
  if (ms != f->config.error_delay) abort();
  f->pauses++;
}

static int fake_room(void *host, size_t len, int last)
{
  fake const *f = host;
  return budget_take(f->budget, 1, len, last ? 2 : 1, 0);
}

static void fake_log(void *host, char const *line, size_t len)
{
  fake *f = host;
  if (!stralloc_catb(&f->log, line, len) || !stralloc_catb(&f->log, "\n", 1)) abort();
}

static void fake_count(void *host, tally t)
{
  ((fake *)host)->tallies[t]++;
}

static uint64_t fake_now(void *host)
{
  fake const *f = host;
  return f->now ? f->now : 1700000000000000ull;
}

/* A control list from words that each end with a newline. */
static void fake_list(stralloc *sa, char const *lines)
{
  if (!stralloc_copys(sa, lines)) abort();
  for (size_t i = 0; i < sa->len; i++)
    if (sa->s[i] == '\n') sa->s[i] = 0;
}

static void fake_line(stralloc *sa, char const *text)
{
  if (!stralloc_copys(sa, text) || !stralloc_0(sa)) abort();
  sa->len--;
}

/* All but what needs memory. */
static void fake_settings(fake *f)
{
  f->end = PLUGIN_RAN;
  f->control.timeout = 1200;
  f->config = (session_config){.control = &f->control,
                               .remoteip = "192.0.2.1",
                               .remotehost = "unknown",
                               .remoteport = "4711",
                               .localport = "25",
                               .local = "192.0.2.9",
                               .localip = "192.0.2.9",
                               .domain = "default.test",
                               .recipients = 100};
  f->operations = (operations){.host = f,
                               .plugin = fake_plugin,
                               .queue_open = fake_open,
                               .queue_put = fake_put,
                               .queue_close = fake_close,
                               .queue_words = fake_words,
                               .queue_abandon = fake_abandon,
                               .queue_read = fake_read,
                               .queue_again = fake_again,
                               .queue_settle = fake_settle,
                               .queue_hold = fake_hold,
                               .milter_open = fake_milter_open,
                               .milter_send = fake_milter_send,
                               .milter_receive = fake_milter_receive,
                               .milter_close = fake_milter_close,
                               .milter_idle = fake_milter_idle,
                               .milter_asked = fake_milter_asked,
                               .milter_over = fake_milter_over,
                               .overload = fake_overload,
                               .auth = fake_auth,
                               .throttled = fake_throttled,
                               .forgive = fake_forgive,
                               .own = fake_own,
                               .pause = fake_pause,
                               .log_room = fake_room,
                               .log = fake_log,
                               .count = fake_count,
                               .now = fake_now};
}

static void fake_init(fake *f)
{
  static fake const fresh = {.end = PLUGIN_RAN};

  *f = fresh;
  fake_line(&f->control.me, "mx.test");
  fake_line(&f->control.greeting, "mx.test");
  fake_line(&f->control.localiphost, "mx.test");
  fake_list(&f->control.rcpthosts, "here.test\n.sub.test\n");
  fake_settings(f);
}

static void fake_take(fake *f)
{
  if (!stralloc_catb(&f->out, f->session.out.s, f->session.out.len)) abort();
  f->session.out.len = 0;
}

static void fake_begin(fake *f)
{
  session_init(&f->session, &f->config, &f->operations);
  session_start(&f->session, 0);
  fake_take(f);
}

/* Feeds in pieces of at most piece bytes, TLS granted at once. Returns what was taken before the session closed. */
static size_t fake_feed(fake *f, char const *bytes, size_t len, size_t piece)
{
  session *s = &f->session;
  size_t done = 0;

  while (done < len && s->want != SESSION_CLOSE)
  {
    size_t n = len - done < piece ? len - done : piece;
    done += session_feed(s, bytes + done, n);
    fake_take(f);
    if (s->want == SESSION_TLS) session_tls(s, "TLSv1.3", "TLS_AES_256_GCM_SHA384", "mx.test");
    fake_take(f);
  }
  return done;
}

static inline void fake_free(fake *f)
{
  session_free(&f->session);
  control_free(&f->control);
  stralloc_free(&f->plugins_run);
  stralloc_free(&f->vars);
  stralloc_free(&f->message);
  stralloc_free(&f->old);
  stralloc_free(&f->told);
  stralloc_free(&f->envelope);
  stralloc_free(&f->log);
  stralloc_free(&f->out);
}

#endif

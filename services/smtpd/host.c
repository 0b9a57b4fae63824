#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include <runlib/authclient.h>
#include <runlib/clock.h>
#include <runlib/counters.h>
#include <runlib/overload.h>
#include <runlib/rater.h>
#include <runlib/source.h>

#include "child.h"
#include "ownip.h"
#include "pluginrun.h"
#include "host.h"

#define QUEUE_PATIENCE 300000 /* ms */
#define AUTH_PATIENCE  40000
#define RATER_PATIENCE 500
#define POLICY_ANSWER  8192 /* bytes of a policy server's answer */

/* A variable as a plugin set it, else as the environment has it; 0: neither. */
static char const *variable(stralloc const *vars, char const *name)
{
  size_t len = strlen(name);

  for (size_t i = 0; i < vars->len; i += strlen(vars->s + i) + 1)
    if (!strncmp(vars->s + i, name, len))
    {
      if (vars->s[i + len] == '=') return vars->s + i + len + 1;
      if (!vars->s[i + len]) return 0;
    }
  return getenv(name);
}

static char const *overload_get(void const *vars, char const *name)
{
  return variable(vars, name);
}

static int log_room(void *data, size_t len, int last)
{
  host const *w = data;
  return budget_take(w->budget, source_number(w->options->config.remoteip), len, last ? 2 : 1,
                     (uint64_t)time(0));
}

/* What the plugin overload does, without a process: while the flag is not up it costs one system call. */
static plugin_end overload_builtin(host *w, stralloc const *vars, stralloc *output)
{
  char reply[OVERLOAD_REPLY];
  char line[OVERLOAD_REPLY];
  size_t len, n = overload_answer(reply, w->options->overload, (uint64_t)time(0), &overload_get, vars);

  if (!n) return PLUGIN_RAN;
  len = overload_log(line, reply, (long)getpid());
  if (log_room(w, len, 0)) allwrite(2, line, len);
  return stralloc_catb(output, reply, n) ? PLUGIN_RAN : PLUGIN_TROUBLE;
}

static plugin_end run_plugin(void *data, char const *command, stralloc const *vars, stralloc *output)
{
  host *w = data;
  plugin_end end;

  if (!strcmp(command, "builtin:overload")) return overload_builtin(w, vars, output);
  end = plugin_run(command, vars, output, w->options->plugin_timeout);
  if (end == PLUGIN_TROUBLE) strerr_warnwusys("run ", command);
  return end;
}

/* $QMAILQUEUE is the family's composition point: from the environment, or set by a plugin. */
static char const *queue_program(host const *w, stralloc const *vars)
{
  char const *x = variable(vars, "QMAILQUEUE");
  return x && *x ? x : w->options->queue;
}

static int open_queue(void *data, stralloc const *vars)
{
  host *w = data;
  return draft_open(&w->draft, queue_program(w, vars), vars);
}

static void put(void *data, char const *bytes, size_t len)
{
  draft_put(&((host *)data)->draft, bytes, len);
}

static long read_again(void *data, uint64_t at, char *to, size_t max)
{
  return draft_read(&((host *)data)->draft, at, to, max);
}

static int again(void *data)
{
  return draft_again(&((host *)data)->draft);
}

static int settle(void *data, int keep)
{
  return draft_settle(&((host *)data)->draft, keep);
}

static int hold(void *data)
{
  return draft_hold(&((host *)data)->draft);
}

static int close_queue(void *data, char const *envelope, size_t len, unsigned long *id)
{
  return draft_close(&((host *)data)->draft, envelope, len, id);
}

static char const *words(void *data)
{
  return ((host *)data)->draft.queue.words;
}

static void abandon(void *data)
{
  draft_abandon(&((host *)data)->draft);
}

static login check(void *data, char const *user, char const *password)
{
  options const *o = ((host *)data)->options;
  int r = o->auth_socket ? auth_check(o->auth_socket, user, password, AUTH_PATIENCE)
                         : auth_run(o->checkpassword, user, password, AUTH_PATIENCE);

  if (r == AUTH_TEMPORARY) strerr_warnwusys("check a password");
  return r == AUTH_GOOD ? LOGIN_GOOD : r == AUTH_REFUSED ? LOGIN_REFUSED : LOGIN_UNKNOWN;
}

/*
 * Failed logins are counted by client address in a class of the rater: before the password is looked at, so that of many at a
 * time no more are tried than the limit has left. Without an answer nobody is throttled.
 */
static int throttled(void *data)
{
  host *w = data;
  options const *o = w->options;
  rater_answer r;

  if (!o->rater_socket) return 0;
  r = rater_ask(o->rater_socket, o->rater_class, o->config.remoteip, 1, RATER_PATIENCE, 0);
  /* EREMOTEIO: the rules do not know the class, so the administrator limits no logins. */
  if (r == RATER_UNAVAILABLE && errno != EREMOTEIO) strerr_warnwusys("ask ", o->rater_socket);
  w->login_counted = r == RATER_ALLOWED;
  return r == RATER_REFUSED;
}

/* Kept by whatever opens it when somebody reads mail from there. Without an answer it is closed. */
static int window(void *data)
{
  options const *o = ((host *)data)->options;
  rater_answer r;

  if (!o->rater_socket || !o->window_class) return 0;
  r = rater_ask(o->rater_socket, o->window_class, o->config.remoteip, 0, RATER_PATIENCE, 0);
  if (r == RATER_UNAVAILABLE) strerr_warnwusys("ask ", o->rater_socket, " for a window");
  return r == RATER_ALLOWED;
}

static void forgive(void *data)
{
  host *w = data;
  options const *o = w->options;

  if (w->login_counted &&
      rater_undo(o->rater_socket, o->rater_class, o->config.remoteip, 1, RATER_PATIENCE) < 0 &&
      errno != EREMOTEIO)
    strerr_warnwusys("tell ", o->rater_socket, " of a good login");
  w->login_counted = 0;
}

static void report(options const *o, char const *class, unsigned int quantity)
{
  if (rater_ask(o->rater_socket, class, o->config.remoteip, quantity, RATER_PATIENCE, 0) ==
          RATER_UNAVAILABLE &&
      errno != EREMOTEIO)
    strerr_warnwusys("ask ", o->rater_socket);
}

void host_report(host const *w, int too_many_errors, unsigned int refusals)
{
  options const *o = w->options;

  if (!o->rater_socket) return;
  if (o->counts_errors && too_many_errors) report(o, "errors", 1);
  if (o->counts_refusals && refusals) report(o, "refused", refusals);
}

static int ask_policy(void *data, unsigned int i, char const *question, size_t len, stralloc *answer)
{
  host *w = data;
  policy_server const *p = w->options->config.policies + i;

  if (!policyclient_ask(&w->policies[i], p->address, p->timeout, question, len, answer, POLICY_ANSWER))
    return 0;
  if (errno != EAGAIN) strerr_warnwusys("ask the policy server ", p->address);
  return -1;
}

/* The user's own program, as checkpassword is run: with `-` for a password, and `true` to run on success. */
static int run_recipient(char const *program, char const *address)
{
  char const *const argv[] = {program, "true", 0};
  int r = auth_run(argv, address, "-", AUTH_PATIENCE);

  if (r == AUTH_TEMPORARY) strerr_warnwusys("ask ", program, " for a recipient");
  return r == AUTH_GOOD ? 1 : r == AUTH_REFUSED ? 0 : -2;
}

static int recipient(void *data, char const *address, size_t len)
{
  host *w = data;

  if (w->options->recipient_program) return run_recipient(w->options->recipient_program, address);
  if (!w->options->recipients.mail) return control_validrcptto(&w->valid, address);
  return recipients_known(&w->recipients, &w->options->recipients, address, len,
                          w->options->config.local_only);
}

/* Without a mapping of the spool, a user is his local part at our domains. */
static int leads(void *data, char const *address, size_t len, char const *user)
{
  host *w = data;
  char const *at = strrchr(address, '@');
  size_t n = at ? (size_t)(at - address) : len;

  if (w->options->recipients.mail)
    return recipients_lead(&w->recipients, &w->options->recipients, address, len, user);
  return strlen(user) == n && !strncasecmp(user, address, n) &&
         control_accepts(w->options->config.control, address) > 0;
}

static int own(void *data, char const *ip, size_t len)
{
  int r = ownip(((host *)data)->options->config.localip, ip, len);

  if (r < 0) strerr_warnwusys("list the addresses of this machine");
  return r;
}

static void pause_for(void *data, unsigned int ms)
{
  host const *w = data;
  uint64_t until = clock_ms() + ms;

  if (until > w->end) until = w->end;
  while (clock_ms() < until && !child_terminated()) child_pause(-1, 0, until);
}

/* One write a line: lines of several sessions share the log's pipe. */
static void put_log(void *data, char const *line, size_t len)
{
  char head[UINT64_FMT + 16] = "smtpd: pid ";
  size_t n = strlen(head);
  struct iovec v[3];
  ssize_t r;

  (void)data;
  n += pid_fmt(head + n, getpid());
  head[n++] = ' ';
  v[0].iov_base = head;
  v[0].iov_len = n;
  v[1].iov_base = (char *)line;
  v[1].iov_len = len;
  v[2].iov_base = (char *)"\n";
  v[2].iov_len = 1;
  r = writev(2, v, 3);
  (void)r;
}

/* The total, and the rate of the last minute. */
static void count(void *data, tally t)
{
  counter *const *c = ((host *)data)->counters + 3 * t;

  counter_add(c[0], 1);
  counter_rate(c + 1, (uint64_t)time(0), 1);
}

static uint64_t now(void *data)
{
  struct timeval t;

  (void)data;
  gettimeofday(&t, 0);
  return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
}

#define COUNTED(NAME) NAME, NAME ".0", NAME ".1"

static void open_counters(host *w, char const *file)
{
  static char const *const names[3 * TALLIES] = {
      COUNTED("connections"),  COUNTED("accepted"),     COUNTED("refused_connection"),
      COUNTED("refused_helo"), COUNTED("refused_mail"), COUNTED("refused_rcpt"),
      COUNTED("refused_data"), COUNTED("refused_auth"), COUNTED("refused_command"),
      COUNTED("auth_good"),    COUNTED("auth_bad"),     COUNTED("plugin_timeouts"),
      COUNTED("tls")};
  static counter own[3 * TALLIES];

  for (unsigned int i = 0; i < 3 * TALLIES; i++) w->counters[i] = own + i;
  if (file && counters_open(file, 0644, names, 3 * TALLIES, w->counters) < 0)
    strerr_warnwusys("use the counters in ", file);
}

void host_init(host *w, options const *o)
{
  w->options = o;
  w->budget = budget_open();
  w->draft.queue.timeout = QUEUE_PATIENCE;
  for (unsigned int i = 0; i < POLICY_SERVERS; i++) w->policies[i].fd = -1;
  open_counters(w, o->counters);
  host_open_milters(w, o);
}

void host_effects(host *w, operations *e)
{
  static operations const real = {.plugin = run_plugin,
                                  .queue_open = open_queue,
                                  .queue_put = put,
                                  .queue_close = close_queue,
                                  .queue_words = words,
                                  .queue_read = read_again,
                                  .queue_again = again,
                                  .queue_settle = settle,
                                  .queue_hold = hold,
                                  .queue_abandon = abandon,
                                  .auth = check,
                                  .throttled = throttled,
                                  .forgive = forgive,
                                  .window = window,
                                  .own = own,
                                  .pause = pause_for,
                                  .policy = ask_policy,
                                  .recipient = recipient,
                                  .leads = leads,
                                  .log_room = log_room,
                                  .log = put_log,
                                  .count = count,
                                  .now = now};

  *e = real;
  e->host = w;
  host_milters(e);
}

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "options.h"

static char const usage[] =
    "usage: smtpd [-s] [-S] [-l] [-f] [-A] [-a SOCKET] [-c COUNTERS] [-d DOMAIN] [-e ERRORS[/MAX]] [-g MS]\n"
    "  [-K CLASS]... [-k CLASS] [-M MILTER]... [-m MESSAGES] [-o FLAG] [-P SERVER]... [-p MS] [-q PROGRAM] "
    "[-R SOCKET] [-r "
    "RECIPIENTS]\n"
    "  [-T SOCKET] [-t off|offer|require] [-V MAIL] [-W CLASS] [-w SECONDS] [-X NAME] [-x ALIASES] [-y MS] "
    "[-Z "
    "PROGRAM]\n"
    "  [CHECKPASSWORD ARGUMENT...]\n"
    "       smtpd --listen TCPLISTEN-OPTION... ADDRESS... -- OPTION...\n"
    "Serves one SMTP session on its descriptors 0 and 1, under a UCSPI server such as tcplisten, in the\n"
    "qmail home directory (control/ is read there); with --listen, it is that server itself.\n"
    "  -s  submission: log in before MAIL, messages are completed     -l  the MTA delivers here alone\n"
    "  -W  a class of windows of the rater: who has one may send without AUTH\n"
    "  -S  who logged in sends only as himself, by -V and control/senders\n"
    "  -a  socket of the service auth; or the program after the options checks passwords\n"
    "  -A  AUTH without TLS too              -q  the qmail-queue program ($QMAILQUEUE overrides);\n"
    "      builtin:spool queues in $SPOOL as spool-queue does, without a process\n"
    "  -p  a plugin's time, -f it refuses when that is over             -w  the session's time\n"
    "  -e  errors until each costs -y ms, and until the session ends    -g  wait before the greeting\n"
    "  -r  recipients a message              -m  messages a session     -d  completes addresses\n"
    "  -K  errors or refused: count sessions with many errors, or what policy servers refused, in that "
    "class\n"
    "  -T  socket of tlsd, -t STARTTLS       -R, -k  socket and class of the rater for failed logins\n"
    "  -P  a policy server: ADDRESS [STAGE,...] [timeout N] [tempfail] [users] [hold]\n"
    "  -M  a milter: ADDRESS [connect TIME] [command TIME] [end TIME] [fails open|tempfail|reject] [size "
    "BYTES]\n"
    "      [own yes|no] [until-level 1|2]\n"
    "  -V  the directory of the Maildirs, -x the aliases, -X the catch-all: unknown recipients are refused\n"
    "  -Z  a program, run as checkpassword, that says which recipients are known\n"
    "  -c  the file to count in              -o  the overload flag (control/overloaded)\n"
    "See smtpd(8).\n";

static void die(char const *what, char const *value)
{
  if (value)
    strerr_dief(100, what, ": ", value);
  else
    strerr_dief(100, what, " (smtpd --help)");
}

static unsigned int number(char const *text, char const *what)
{
  unsigned int n;
  if (!uint0_scan(text, &n)) die(what, text);
  return n;
}

static void errors(session_config *c, char const *text)
{
  size_t n = uint_scan(text, &c->errors_delay);

  if (!n || (text[n] && text[n] != '/')) die("-e needs ERRORS or ERRORS/MAX, not", text);
  if (text[n]) c->errors_max = number(text + n + 1, "-e needs ERRORS or ERRORS/MAX, not");
}

static starttls policy(char const *text)
{
  if (!strcmp(text, "off")) return STARTTLS_OFF;
  if (!strcmp(text, "offer")) return STARTTLS_OFFER;
  if (!strcmp(text, "require")) return STARTTLS_REQUIRE;
  die("-t needs off, offer or require, not", text);
  return STARTTLS_OFF;
}

static void add_policy(session_config *c, char const *text)
{
  char const *wrong;

  if (c->policies_n == POLICY_SERVERS) die("-P: more than eight policy servers", 0);
  wrong = policy_scan(text, &c->policies[c->policies_n++]);
  if (wrong) strerr_dief(100, "-P ", text, ": ", wrong);
}

static void set_counted(options *o, char const *class)
{
  o->counts_errors |= !strcmp(class, "errors");
  o->counts_refusals |= !strcmp(class, "refused");
  if (strcmp(class, "errors") && strcmp(class, "refused")) die("-K needs errors or refused, not", class);
}

static void add_milter(session_config *c, char const *text)
{
  char const *wrong;

  if (c->milters_n == MILTERS) die("-M: more than six milters", 0);
  wrong = milter_scan(text, &c->milters[c->milters_n++]);
  if (wrong) strerr_dief(100, "-M ", text, ": ", wrong);
}

static void set(options *o, int letter, char const *arg)
{
  session_config *c = &o->config;

  switch (letter)
  {
    case 's': c->submission = 1; break;
    case 'S': c->sender_match = 1; break;
    case 'l': c->local_only = 1; break;
    case 'f': c->plugins_closed = 1; break;
    case 'A': c->auth_plain = 1; break;
    case 'a': o->auth_socket = arg; break;
    case 'c': o->counters = arg; break;
    case 'd': o->domain = arg; break;
    case 'e': errors(c, arg); break;
    case 'g': o->greet_delay = number(arg, "-g needs milliseconds, not"); break;
    case 'k': o->rater_class = arg; break;
    case 'K': set_counted(o, arg); break;
    case 'M': add_milter(c, arg); break;
    case 'm': c->messages = number(arg, "-m needs a number, not"); break;
    case 'o': o->overload = arg; break;
    case 'P': add_policy(c, arg); break;
    case 'p': o->plugin_timeout = number(arg, "-p needs milliseconds, not"); break;
    case 'q': o->queue = arg; break;
    case 'R': o->rater_socket = arg; break;
    case 'r': c->recipients = number(arg, "-r needs a number, not"); break;
    case 'T': o->tls_socket = arg; break;
    case 't': c->starttls = policy(arg); break;
    case 'V': o->recipients.mail = arg; break;
    case 'X': o->recipients.rules.catchall = arg; break;
    case 'x': o->recipients.rules.aliases = arg; break;
    case 'W': o->window_class = arg, c->window = 1; break;
    case 'w': o->session_time = number(arg, "-w needs seconds, not"); break;
    case 'Z': o->recipient_program = arg; break;
    case 'y': c->error_delay = number(arg, "-y needs milliseconds, not"); break;
    default: die("bad usage", 0);
  }
}

static void say(char const *text)
{
  _exit(allwrite(1, text, strlen(text)) == strlen(text) ? 0 : 111);
}

static char const *or_unknown(char const *name)
{
  char const *x = getenv(name);
  return x && *x ? x : "unknown";
}

void options_client(options *o)
{
  session_config *c = &o->config;
  char const *x;

  c->remoteip = or_unknown("TCPREMOTEIP");
  c->remotehost = or_unknown("TCPREMOTEHOST");
  x = getenv("TCPREMOTEPORT");
  c->remoteport = x ? x : "";
  x = getenv("TCPLOCALPORT");
  c->localport = x ? x : "";
  c->remoteinfo = getenv("TCPREMOTEINFO");
  c->localip = or_unknown("TCPLOCALIP");
  x = getenv("TCPLOCALHOST");
  c->local = x && *x ? x : c->localip;
  c->relayclient = getenv("RELAYCLIENT");
  x = getenv("TCPLOCALLABEL");
  o->implicit_tls = x && !strcmp(x, "tls");
  o->health = x && !strcmp(x, "health");
  if (o->implicit_tls && !o->tls_socket) die("the label tls needs -T, the socket of tlsd", 0);
  if (c->submission && !c->auth && !c->relayclient) die("-s needs -a or a checkpassword program", 0);
}

void options_read(options *o, int argc, char const *const *argv)
{
  static options const fresh = {
      .queue = "bin/qmail-queue",
      .rater_class = "authfail",
      .overload = "control/overloaded",
      .session_time = 7200,
      .plugin_timeout = 30000,
      .recipients = {.rules = {.control = "control"}},
      .config = {
          .recipients = 1000, .messages = 0, .errors_delay = 10, .errors_max = 20, .error_delay = 1000}};
  subgetopt l = SUBGETOPT_ZERO;
  char const *x;

  *o = fresh;
  if (argc > 1 && !strcmp(argv[1], "--help")) say(usage);
  if (argc > 1 && !strcmp(argv[1], "--version")) say("smtpd (mailctl) " VERSION "\n");
  for (;;)
  {
    int letter = subgetopt_r(argc, argv, "sSlfAa:c:d:e:g:K:k:M:m:o:P:p:q:R:r:T:t:V:W:w:X:x:y:Z:", &l);
    if (letter == -1) break;
    set(o, letter, l.arg);
  }
  if (argv[l.ind]) o->checkpassword = argv + l.ind;
  if (!o->tls_socket) o->tls_socket = getenv("TLS_SOCKET");
  x = getenv("SPPCONFFILE");
  o->plugins = getenv("NOSPP") ? 0 : x && *x ? x : "control/smtpplugins";
  if (o->config.starttls != STARTTLS_OFF && !o->tls_socket) die("-t needs -T, the socket of tlsd", 0);
  o->recipients.rules.foreign = !o->config.local_only;
  o->recipients.rules.programs = 1;
  o->config.check_recipients = 1;
  o->config.auth = o->auth_socket || o->checkpassword;
}

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/selfpipe.h>
#include <skalibs/sgetopt.h>
#include <skalibs/sig.h>
#include <skalibs/socket.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include <runlib/address.h>
#include <runlib/confine.h>
#include <runlib/ready.h>
#include <runlib/reload.h>

#include "lists.h"
#include "server.h"

#define BACKLOG   1024
#define ADDRESSES 8

typedef struct options_s options;
struct options_s
{
  char const *settings, *servers, *store, *counters;
  char const *tcp[ADDRESSES];
  unsigned int n, ready, inherited; /* inherited: the descriptor plus 1 */
  unsigned int clients, timeout;
  int test;
  uint64_t entries;
};

static char const usage[] =
    "policyd [ -d FD ] [ -u FD ] [ -l ADDRESS:PORT ]... [ -r SERVERS ] [ -t MS ] [ -s STORE ] [ -e ENTRIES ] "
    "[ -c CLIENTS ] [ -C COUNTERS ] SETTINGS | policyd -T [ -r SERVERS ] [ -t MS ] SETTINGS";

static void bad_usage(char const *why, char const *what)
{
  strerr_dief(100, why, what, " (usage: ", usage, ")");
}

static void help(void)
{
  static char const text[] =
      "Answers questions of the Postfix policy delegation protocol about strangers.\n\n"
      "  -u FD            a unix socket that listens already is descriptor FD\n"
      "  -l ADDRESS:PORT  listen on TCP; up to eight times\n"
      "  -r SERVERS       ask these DNS servers, ADDRESS:PORT,...; without it, those of /etc/resolv.conf\n"
      "  -t MS            how long the DNS may take for one question (5000)\n"
      "  -s STORE         the directory of what lasts; without it, nobody is greylisted\n"
      "  -e ENTRIES       how many entries that has room for (1000000)\n"
      "  -c CLIENTS       how many may be connected at once (2000)\n"
      "  -C COUNTERS      count in this file\n"
      "  -T               ask each DNS list whether it works, tell, and end: 1, one does not\n"
      "  -d FD            write a newline to FD when ready to answer\n"
      "SETTINGS has lines of a key of [policy] and its value. HUP reads it again, TERM ends. See "
      "policyd(8).\n";
  printf("usage: %s\n\n%s", usage, text);
  exit(fflush(stdout) ? 111 : 0);
}

static unsigned int number(char const *text, unsigned int most, char const *what)
{
  unsigned int n;

  if (!uint0_scan(text, &n) || !n || n > most) bad_usage(what, text);
  return n;
}

static void one_option(options *o, int opt, char const *arg)
{
  switch (opt)
  {
    case 'd': o->ready = number(arg, 1023, "not a descriptor: "); break;
    case 'u':
      if (!uint0_scan(arg, &o->inherited) || o->inherited > 1023) bad_usage("not a descriptor: ", arg);
      o->inherited++;
      break;
    case 'l':
      if (o->n == ADDRESSES) bad_usage("more addresses than eight: ", arg);
      o->tcp[o->n++] = arg;
      break;
    case 'r': o->servers = arg; break;
    case 't': o->timeout = number(arg, 600000, "not milliseconds: "); break;
    case 's': o->store = arg; break;
    case 'e': o->entries = number(arg, 1000000000, "not a number of entries: "); break;
    case 'c': o->clients = number(arg, 100000, "not a number of clients, 1 to 100000: "); break;
    case 'C': o->counters = arg; break;
    case 'T': o->test = 1; break;
    default: bad_usage("unknown option, or its value is missing", "");
  }
}

static void parse_options(int argc, char const *const *argv, options *o)
{
  subgetopt l = SUBGETOPT_ZERO;
  int opt;

  if (argc == 2 && !strcmp(argv[1], "--help")) help();
  if (argc == 2 && !strcmp(argv[1], "--version"))
  {
    puts("policyd (mailctl) " VERSION);
    exit(fflush(stdout) ? 111 : 0);
  }
  l.err = 0;
  while ((opt = subgetopt_r(argc, argv, "d:u:l:r:t:s:e:c:C:T", &l)) != -1) one_option(o, opt, l.arg);
  if (argc - l.ind != 1) bad_usage(argc == l.ind ? "no SETTINGS" : "more than one SETTINGS", "");
  if (!o->n && !o->inherited && !o->test) bad_usage("nothing to listen on: neither -u nor -l", "");
  o->settings = argv[l.ind];
}

/* Reads the settings. 0: they are bad, or cannot be read, which was said. */
static settings *read_settings(char const *file)
{
  stralloc text = STRALLOC_ZERO;
  settings *s = calloc(1, sizeof *s);
  char const *wrong = 0;
  char fmt[UINT_FMT];
  unsigned int line;

  if (s) settings_init(s);
  if (!s || !(strcmp(file, "-") ? openslurpclose(&text, file) : slurp(&text, 0)) || !stralloc_0(&text))
    strerr_warnwusys("read ", file);
  else if (!(wrong = settings_read(s, text.s, &line)))
  {
    settings_refresh(s);
    stralloc_free(&text);
    return s;
  }
  if (wrong)
  {
    fmt[uint_fmt(fmt, line)] = 0;
    strerr_warnw(file, ":", fmt, ": ", wrong);
  }
  if (s) settings_free(s);
  free(s);
  stralloc_free(&text);
  return 0;
}

static void reload(server *s, char const *file)
{
  settings *fresh = read_settings(file);

  if (!fresh)
  {
    strerr_warnwu(RELOAD_KEPT "keeping the settings as they were");
    return;
  }
  settings_free(s->settings);
  free(s->settings);
  s->settings = fresh;
  strerr_warni(RELOAD_DONE ": settings read");
}

static void open_counters(server *s, char const *file)
{
  static char const *const plain[TALLY_CONDITIONS] = {
      "questions", "refused", "tempfailed", "greylisted", "known",    "again",     "allowed",
      "late",      "expired", "clients",    "entries",    "unusable", "dns-asked", "dns-failed"};
  static char text[2 * CONDITIONS][COUNTERS_NAMELEN + 1];
  static counter own[TALLIES];
  char const *names[TALLIES];

  for (unsigned int i = 0; i < TALLIES; i++)
  {
    unsigned int c = i - TALLY_CONDITIONS;
    s->tallies[i] = own + i;
    names[i] = i < TALLY_CONDITIONS ? plain[i] : text[c];
    if (i >= TALLY_CONDITIONS)
      snprintf(text[c], sizeof text[c], "%s.%.18s", c < CONDITIONS ? "deny" : "seen",
               c % CONDITIONS == GREYLISTED ? "greylist" : condition_kinds[c % CONDITIONS].key);
  }
  if (file && counters_open(file, 0644, names, TALLIES, s->tallies) < 0)
    strerr_warnwusys("use the counters in ", file);
}

static void open_store(server *s, options const *o)
{
  char aside[80];
  char const *failed;

  if (!o->store) return;
  if (store_open(&s->store, o->store, o->entries, aside, sizeof aside, &failed) < 0)
    strerr_diefusys(111, failed, " in ", o->store);
  if (*aside)
    strerr_warnw("the store in ", o->store, ": ", aside, ": set aside as data.mdb.bad, and begun anew");
}

static void listen_family(server *s, address const *a, int v6, char const *text)
{
  int fd = v6 ? socket_tcp6_nbcoe() : socket_tcp4_nbcoe();
  char const *ip = (char const *)a->ip;

  if (fd < 0 && v6 && !a->family) return; /* `*` on a machine without IPv6 */
  if (fd < 0 || (v6 ? socket_bind6_reuse(fd, ip, a->port) : socket_bind4_reuse(fd, ip, a->port)) < 0 ||
      socket_listen(fd, BACKLOG) < 0 || server_listen(s, fd) < 0)
    strerr_diefusys(111, "listen on ", text);
}

static void listen_all(server *s, options const *o)
{
  if (o->inherited)
  {
    int fd = (int)o->inherited - 1;
    if (ndelay_on(fd) < 0 || coe(fd) < 0 || server_listen(s, fd) < 0)
      strerr_diefusys(111, "listen on the socket of -u");
  }
  for (unsigned int i = 0; i < o->n; i++)
  {
    address a;
    char const *why = address_scan(o->tcp[i], &a);
    if (why) strerr_dief(100, "-l ", o->tcp[i], ": it is ", why);
    if (a.family != 6) listen_family(s, &a, 0, o->tcp[i]);
    if (a.family != 4) listen_family(s, &a, 1, o->tcp[i]);
  }
}

static void allow_clients(unsigned int n)
{
  struct rlimit rl;
  rlim_t need = (rlim_t)n + 64;

  if (getrlimit(RLIMIT_NOFILE, &rl) < 0 || rl.rlim_cur >= need) return;
  rl.rlim_cur = rl.rlim_max < need ? rl.rlim_max : need;
  if (setrlimit(RLIMIT_NOFILE, &rl) < 0 || rl.rlim_cur < need)
    strerr_warnw("the limit of open files is too low for so many clients");
}

static void trap_signals(server *s)
{
  sigset_t signals;

  sigemptyset(&signals);
  sigaddset(&signals, SIGHUP);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  s->signals = selfpipe_init();
  if (s->signals < 0 || selfpipe_trapset(&signals) < 0 || !sig_ignore(SIGPIPE))
    strerr_diefusys(111, "trap signals");
}

static void handle_signals(server *s, options const *o)
{
  for (;;) switch (selfpipe_read())
    {
      case -1: strerr_diefusys(111, "read a signal");
      case 0: return;
      case SIGHUP: reload(s, o->settings); break;
      default:
        if (!s->end_by) server_end(s);
    }
}

/* All that it will ever do: files, the DNS, its clients; never a program. */
static void confine(void)
{
  static confine_calls calls;

  confine_calls_make(&calls, CONFINE_FILES | CONFINE_ENTRIES | CONFINE_INET | CONFINE_SERVE);
  if (confine_calls_enter(&calls) < 0) strerr_diefusys(111, "give up system calls");
}

static int test_lists(settings const *s, options const *o)
{
  resolver *r;
  char const *wrong = resolver_open(&r, o->servers, o->timeout / 3);
  unsigned int n;

  if (wrong) strerr_dief(100, "-r ", o->servers ? o->servers : "", ": ", wrong);
  n = lists_test(s, r, o->timeout);
  resolver_close(r);
  return fflush(stdout) ? 111 : n > 0;
}

int main(int argc, char const *const *argv)
{
  static options o = {.clients = 2000, .timeout = 5000, .entries = 1000000};
  static server s;
  char const *wrong;

  PROG = "policyd";
  parse_options(argc, argv, &o);
  if (confine_self() < 0) strerr_diefusys(111, "give up privileges");
  s.settings = read_settings(o.settings);
  if (!s.settings) strerr_dief(102, "no good settings in ", o.settings);
  if (o.test) return test_lists(s.settings, &o);
  s.patience = o.timeout;
  s.clients_max = o.clients;
  allow_clients(o.clients);
  open_counters(&s, o.counters);
  open_store(&s, &o);
  wrong = resolver_open(&s.resolver, o.servers, o.timeout / 3);
  if (wrong) strerr_dief(100, "-r ", o.servers ? o.servers : "", ": ", wrong);
  trap_signals(&s);
  if (server_init(&s) < 0) strerr_diefusys(111, "prepare to wait");
  listen_all(&s, &o);
  confine();
  if (o.ready && ready_notify((int)o.ready) < 0) strerr_warnwusys("tell readiness");
  strerr_warni("ready");
  while (!server_done(&s))
  {
    int r = server_turn(&s);
    if (r < 0) strerr_diefusys(111, "wait for clients");
    if (r) handle_signals(&s, &o);
  }
  while (s.oldest) client_free(&s, s.oldest);
  if (s.store) store_close(s.store);
  settings_free(s.settings);
  resolver_close(s.resolver);
  return 0;
}

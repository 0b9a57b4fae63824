#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/sgetopt.h>
#include <skalibs/sig.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include <runlib/confine.h>
#include <runlib/remoterequest.h>

#include "delivery.h"
#include "serve.h"
#include "tls.h"

#define MEMORY      (64UL << 20)
#define DESCRIPTORS 64U
#define AUTHORITIES "/etc/ssl/certs/ca-certificates.crt"

#define USAGE                                                                                                \
  "remote [-c CONTROL] [-t RULE]... [-a PASSWORDS] [-n SERVERS] [-m SOCKET] [-k SOCKET [-u]] \n"             \
  "              [-C FILE] [-p] HOST SENDER RECIPIENT...\n"                                                  \
  "       remote -s | -S NUMBER [OPTIONS]"

static char const help[] =
    "usage: " USAGE "\n"
    "Sends the message on descriptor 0 to recipients of HOST, and reports on descriptor 1.\n"
    "  -s            take the message and the recipients from the socket on descriptor 0\n"
    "  -S NUMBER     the same for each connection of the socket that descriptor 0 listens on, so many at a "
    "time\n"
    "  -c CONTROL    the directory of qmail control files (control)\n"
    "  -t RULE       `DOMAIN none`, `may`, `encrypt` or `verify`: how TLS is used\n"
    "  -a PASSWORDS  the file with users and passwords for relays\n"
    "  -n SERVERS    of the DNS: ADDRESS:PORT, ... (those of the system)\n"
    "  -m SOCKET     whom to ask for MTA-STS policies\n"
    "  -k SOCKET     whom to ask for signatures (DKIM)\n"
    "  -u            send without, where he is away\n"
    "  -p            send no message: only ask whether the recipients are taken\n"
    "  -C FILE       certificates of authorities (" AUTHORITIES ")\n"
    "See remote(8).\n";

static void add_rule(settings *s, char const *rule)
{
  if (rule_level(rule) < 0) strerr_dief(100, "-t takes `DOMAIN none|may|encrypt|verify`, not ", rule);
  if (s->nrules == SETTINGS_RULES) strerr_dief(100, "too many rules for TLS");
  s->rules[s->nrules++] = rule;
}

/* Returns where the arguments begin. */
static int parse(settings *s, int *served, unsigned int *most, int argc, char const *const *argv)
{
  subgetopt l = SUBGETOPT_ZERO;

  for (;;) switch (subgetopt_r(argc, argv, "sS:c:t:a:n:m:k:upC:", &l))
    {
      case -1: return l.ind;
      case 'S':
        if (!uint0_scan(l.arg, most) || !*most) strerr_dief(100, "-S takes a number, not ", l.arg);
        *served = 1;
        break;
      case 's': *served = 1; break;
      case 'c': s->control = l.arg; break;
      case 't': add_rule(s, l.arg); break;
      case 'a': s->passwords = l.arg; break;
      case 'n': s->servers = l.arg; break;
      case 'm': s->sts = l.arg; break;
      case 'k': s->signer = l.arg; break;
      case 'u': s->unsigned_too = 1; break;
      case 'p': s->probe = 1; break;
      case 'C': s->cafile = l.arg; break;
      default: strerr_dieusage(100, USAGE);
    }
}

/* From the command line: the whole file. */
static void from_arguments(delivery *d, char const *const *argv)
{
  struct stat st = {.st_size = 0};

  if (!argv[0] || !argv[1] || !argv[2]) strerr_dieusage(100, USAGE);
  if (!d->set->probe && (fstat(0, &st) < 0 || !S_ISREG(st.st_mode)))
    strerr_dief(111, "descriptor 0 is no file with a message");
  d->len = (uint64_t)st.st_size;
  d->host = argv[0];
  d->sender = argv[1];
  d->recipients = argv + 2;
  while (argv[2 + d->n]) d->n++;
}

static void from_socket(delivery *d)
{
  static remote_request r;
  static stralloc text = STRALLOC_ZERO;
  int fd = remote_request_receive(0, &r, &text);

  if (fd < 0) strerr_diefusys(111, "take a request");
  if (fd_move(0, fd) < 0) strerr_diefusys(111, "move a descriptor");
  d->len = r.len;
  d->host = r.host;
  d->sender = r.sender;
  d->recipients = r.recipients;
  d->n = r.n;
}

/* For good: no file, no process, nothing but connections to servers. */
static void confine(void)
{
  static confine_calls calls;
  int paths = confine_paths();

  confine_calls_make(&calls, CONFINE_INET);
  if (confine_self() < 0 || confine_resources(MEMORY, DESCRIPTORS, 0) < 0 ||
      (paths < 0 ? errno != EOPNOTSUPP : confine_paths_enter(paths) < 0) || confine_calls_enter(&calls) < 0)
    strerr_diefusys(111, "confine itself");
}

/* What needs files is read; after it, none is opened. Returns 0, or -1: the report is complete. */
static int prepare(delivery *d, settings *s)
{
  char const *file, *why = dns_open(s->servers);
  stralloc sa = STRALLOC_ZERO;

  if (why) strerr_dief(111, "unable to use the DNS: ", why);
  if (settings_load(s, &file) < 0)
  {
    if (!stralloc_cats(&sa, "unable to read control/") || !stralloc_cats(&sa, file) ||
        !stralloc_cats(&sa, " (#4.3.0)") || !stralloc_0(&sa))
      strerr_diefusys(111, "report");
    report_only(d, 'Z', sa.s);
    stralloc_free(&sa);
    return -1;
  }
  if (delivery_prepare(d) < 0) return -1;
  if (tls_init(d->level == TLS_VERIFY ? s->cafile : 0) < 0)
  {
    report_only(d, 'Z', "the certificates of authorities cannot be read (#4.3.0)");
    return -1;
  }
  mx_init();
  confine();
  return 0;
}

int main(int argc, char const *const *argv)
{
  static settings s = SETTINGS_ZERO;
  static delivery d = DELIVERY_ZERO;
  unsigned int most = 0;
  int served = 0, first;

  PROG = "remote";
  if (argc == 2 && !strcmp(argv[1], "--help")) return fputs(help, stdout) < 0 || fflush(stdout) ? 111 : 0;
  if (argc == 2 && !strcmp(argv[1], "--version"))
    return puts("remote (mailctl) " VERSION) < 0 || fflush(stdout) ? 111 : 0;
  s.cafile = AUTHORITIES;
  first = parse(&s, &served, &most, argc, argv);
  sig_ignore(SIGPIPE);
  d.set = &s;
  if (most)
  {
    if (tls_warm() < 0) strerr_dief(111, "unable to use OpenSSL");
    serve(most);
  }
  if (served)
    from_socket(&d);
  else
    from_arguments(&d, argv + first);
  if (!prepare(&d, &s)) delivery_run(&d);
  if (allwrite(1, d.report.s, d.report.len) < d.report.len) strerr_diefusys(111, "report");
  return 0;
}

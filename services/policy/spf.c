#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include <services/policy/spf/spf.h>

#include "resolve.h"

#define TIMEOUT 20000 /* ms, as RFC 7208, 4.6.4 wants it at least */

static char const usage[] =
    "spf -i ADDRESS [ -s SENDER ] [ -h HELO ] [ -r RECEIVER ] [ -n SERVERS ] [ -t MS ]";

static void help(void)
{
  static char const text[] =
      "Tells whether an address may send mail for a domain, as spfquery does: the result, the domain's "
      "words, the\n"
      "result as a sentence, and the header field. Exits 0 pass, 1 fail, 2 softfail, 3 neutral, 4 "
      "permerror,\n"
      "5 temperror, 6 none.\n\n"
      "  -i ADDRESS   the client's address, IPv4 or IPv6\n"
      "  -s SENDER    the address of MAIL FROM; without it, HELO is looked at\n"
      "  -h HELO      the client's HELO\n"
      "  -r RECEIVER  this machine's name\n"
      "  -n SERVERS   ask these DNS servers, ADDRESS:PORT,...; without it, those of /etc/resolv.conf\n"
      "  -t MS        how long the DNS may take (20000)\n"
      "See spf(1).\n";
  printf("usage: %s\n\n%s", usage, text);
  exit(fflush(stdout) ? 111 : 0);
}

/* Asks until all is there, or the time is over. */
static spf_result evaluate(spf_question *q, spf_answer *a, resolver *r, unsigned int ms)
{
  lookups l = {.resolver = r};

  q->world = &l;
  while (spf_check(q, a) == SPF_PENDING) ms = lookups_wait(&l, ms);
  lookups_free(&l);
  q->world = 0;
  return a->result;
}

static void print(spf_question const *q, spf_answer const *a)
{
  char comment[700], field[2000];

  spf_comment(q, a, comment, sizeof comment);
  spf_received(q, a, field, sizeof field);
  printf("%s\n%s\nspf: %s\n%s\n", spf_result_name(a->result), *a->problem ? a->problem : a->explanation,
         comment, field);
  if (fflush(stdout)) strerr_diefusys(111, "write");
}

int main(int argc, char const *const *argv)
{
  static int const codes[] = {[SPF_PASS] = 0,      [SPF_FAIL] = 1,      [SPF_SOFTFAIL] = 2, [SPF_NEUTRAL] = 3,
                              [SPF_PERMERROR] = 4, [SPF_TEMPERROR] = 5, [SPF_NONE] = 6};
  subgetopt l = SUBGETOPT_ZERO;
  unsigned char ip[16];
  spf_question q = {.ip = ip, .sender = "", .helo = "", .lookup = &lookups_find, .now = (uint64_t)time(0)};
  spf_answer a;
  char const *servers = 0, *wrong;
  unsigned int ms = TIMEOUT;
  char host[256] = "localhost";
  resolver *r;

  PROG = "spf";
  if (argc == 2 && !strcmp(argv[1], "--help")) help();
  if (argc == 2 && !strcmp(argv[1], "--version"))
    return puts("spf (mailctl) " VERSION) < 0 || fflush(stdout) ? 111 : 0;
  gethostname(host, sizeof host - 1);
  q.receiver = host;
  for (int opt; (opt = subgetopt_r(argc, argv, "i:s:h:r:n:t:", &l)) != -1;) switch (opt)
    {
      case 'i':
        q.ip_len = inet_pton(AF_INET, l.arg, ip) == 1 ? 4 : inet_pton(AF_INET6, l.arg, ip) == 1 ? 16 : 0;
        break;
      case 's': q.sender = l.arg; break;
      case 'h': q.helo = l.arg; break;
      case 'r': q.receiver = l.arg; break;
      case 'n': servers = l.arg; break;
      case 't':
        if (uint0_scan(l.arg, &ms) && ms) break;
        /* fall through */
      default: strerr_dieusage(100, usage);
    }
  if (argc != l.ind || !q.ip_len || (!*q.sender && !*q.helo)) strerr_dieusage(100, usage);
  wrong = resolver_open(&r, servers, ms / 3);
  if (wrong) strerr_dief(100, "-n ", servers ? servers : "", ": ", wrong);
  evaluate(&q, &a, r, ms);
  print(&q, &a);
  resolver_close(r);
  return codes[a.result];
}

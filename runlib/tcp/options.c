#include <string.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include <runlib/tcp/listener.h>
#include <runlib/tcp/options.h>

static char const help[] =
    "usage: tcplisten [-v] [-d FD] [-c TOTAL] [-C PER-CLIENT] [-b BACKLOG] [-t SECONDS] [-r LINE]\n"
    "                 [-R LINE] [-B FILE]... [-i DIR] [-I SECONDS] [-s FILE] [-l NAME] [-P NET]...\n"
    "                 [-u USER] [-g GROUP] [-U] [-D DOOR] [-G LINK]\n"
    "                 ADDRESS... -- PROGRAM [ARGUMENT...]\n"
    "       tcplisten --close DOOR\n"
    "Listens on each ADDRESS (127.0.0.1:25, [::1]:25, *:25, fd:N; each may end in /LABEL) and runs\n"
    "PROGRAM for each connection, with the connection as descriptors 0 and 1 (UCSPI).\n"
    "  -d FD          write a newline to FD when listening (s6 readiness)\n"
    "  -c TOTAL       run this many programs at most (100)\n"
    "  -C PER-CLIENT  serve this many connections of one client (IPv6: one /64) at most (no limit)\n"
    "  -b BACKLOG     connections that may wait in the kernel (256)\n"
    "  -t SECONDS     after TERM, wait this long for running programs (60)\n"
    "  -r LINE        what a refused client is told\n"
    "  -B FILE        addresses that are not served, see tcplisten(8); up to four times\n"
    "  -i DIR         the same, by an instruction directory of ipsvd's\n"
    "  -I SECONDS     how long a file in DIR blocks that its owner may write (0: for ever)\n"
    "  -R LINE        what a client is told that -B or -i blocks\n"
    "  -s FILE        count connections in FILE (now, limit, total, refused)\n"
    "  -l NAME        the programs' TCPLOCALHOST: this machine's name\n"
    "  -u USER        become this user, by name or number, once listening\n"
    "  -g GROUP       become this group rather than the user's own\n"
    "  -U             become the user and groups that s6-envuidgid found\n"
    "  -D DOOR        a socket by which sockets and sessions go on to the next tcplisten -D DOOR;\n"
    "                 --close ends them\n"
    "  -G LINK        the end of what LINK says is the number that its sessions go by in FILE\n"
    "  -P NET         an address or network of balancers, whose connections begin with a header of the\n"
    "                 PROXY protocol, version 1 or 2, that says who the client is\n"
    "  -v             log a line for each connection\n"
    "See tcplisten(8).\n";

static void answer(char const *arg)
{
  char const *text = 0;

  if (!strcmp(arg, "--help")) text = help;
  if (!strcmp(arg, "--version")) text = "tcplisten (mailctl) " VERSION "\n";
  if (!text) return;
  _exit(allwrite(1, text, strlen(text)) == strlen(text) ? 0 : 111);
}

static unsigned int number(char const *option, char const *text, unsigned int min, unsigned int max)
{
  char low[UINT_FMT], high[UINT_FMT];
  unsigned int n;

  if (uint0_scan(text, &n) && n >= min && n <= max) return n;
  low[uint_fmt(low, min)] = 0;
  high[uint_fmt(high, max)] = 0;
  strerr_dief(100, option, ": not a number from ", low, " to ", high, ": ", text);
}

static char const *refusal_line(char const *option, char const *text)
{
  if (strlen(text) > 510) strerr_dief(100, option, ": more than 510 bytes");
  for (char const *s = text; *s; s++)
    if ((unsigned char)*s < ' ' || *s == 127) strerr_dief(100, option, ": a control character in the line");
  return text;
}

static void add_proxy(tcp_options *o, char const *text)
{
  net n;

  if (!nets_scan(text, &n)) strerr_dief(100, "-P: neither an address nor a network: ", text);
  if (nets_add(&o->proxies, &n) < 0) strerr_diefusys(111, "begin");
  nets_sort(&o->proxies);
}

static void set(tcp_options *o, int letter, char const *arg)
{
  switch (letter)
  {
    case 'v': o->verbose = 1; break;
    case 'd': o->ready = number("-d", arg, 3, 65535); break;
    case 'c': o->total = number("-c", arg, 1, SESSIONS_MAX); break;
    case 'C': o->per_client = number("-C", arg, 0, SESSIONS_MAX); break;
    case 'b': o->backlog = number("-b", arg, 1, 65535); break;
    case 't': o->drain = number("-t", arg, 0, 86400); break;
    case 'r': o->refusal = refusal_line("-r", arg); break;
    case 'R': o->blocked = refusal_line("-R", arg); break;
    case 'B':
      if (o->blocks.n == BLOCKS_FILES) strerr_dief(100, "more than four times -B");
      o->blocks.files[o->blocks.n++] = arg;
      break;
    case 'i': o->blocks.ipsvd = arg; break;
    case 'I': o->blocks.ipsvd_ttl = number("-I", arg, 0, 31536000); break;
    case 's': o->counters = arg; break;
    case 'l': o->name = arg; break;
    case 'u': o->user = arg; break;
    case 'g': o->group = arg; break;
    case 'U': o->environment = 1; break;
    case 'D': o->door = arg; break;
    case 'G': o->generation = arg; break;
    case 'P': add_proxy(o, arg); break;
    default: break;
  }
}

static void scan_addresses(tcp_options *o)
{
  char const *const *a = o->addresses;
  char const *wrong;

  for (; a[o->count] && strcmp(a[o->count], "--"); o->count++)
    if (o->count == ADDRESSES_MAX) strerr_dief(100, "more than 32 addresses");
  if (!o->count) strerr_dief(100, "no address to listen on (see tcplisten --help)");
  if (!a[o->count] || !a[o->count + 1]) strerr_dief(100, "no program: after the addresses comes -- PROGRAM");
  for (unsigned int i = 0; i < o->count; i++)
    if ((wrong = listener_wrong(a[i]))) strerr_dief(100, a[i], ": ", wrong);
  o->program = a + o->count + 1;
}

void tcp_options_parse(tcp_options *o, int argc, char const *const *argv)
{
  subgetopt l = SUBGETOPT_ZERO;
  char letter[2] = "";

  if (argc > 1) answer(argv[1]);
  l.err = 0;
  for (;;)
  {
    int opt = subgetopt_r(argc, argv, "vUd:c:C:b:t:r:R:B:i:I:s:l:u:g:D:G:P:", &l);
    letter[0] = (char)l.problem;
    if (opt == -1) break;
    if (opt == '?') strerr_dief(100, "no such option, or one without its value: -", letter);
    set(o, opt, l.arg);
  }
  o->addresses = argv + l.ind;
  scan_addresses(o);
}

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/sgetopt.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "options.h"
#include "server.h"

static char const usage[] =
    "raterd [ -d FD ] [ -s SOCKET | -u FD ] [ -m MODE ] [ -l ADDRESS:PORT ]... [ -p ADDRESS ]... "
    "[ -t TABLE ] [ -b BLOCKS ] [ -k KEYS ] [ -c CLIENTS ] [ -D DOOR ] [ -U ] "
    "[ -S REDIS [ -A FILE ] [ -T MS ] [ -F PERCENT ] ] RULES";

static void bad_usage(char const *why, char const *what)
{
  strerr_die(100, PROG, ": fatal: ", why, what, " (usage: ", usage, ")");
}

static void help(void)
{
  static char const text[] =
      "Counts how often things happen and says when it is too often.\n\n"
      "  -s SOCKET        listen on this unix socket\n"
      "  -u FD            a unix socket that listens already is descriptor FD\n"
      "  -m MODE          its mode, octal (0666)\n"
      "  -l ADDRESS:PORT  listen on TCP with the original protocol; up to eight times\n"
      "  -p ADDRESS       listen on TCP, or on a unix socket (a path), with Postfix's policy protocol; "
      "likewise\n"
      "  -t TABLE         keep what is counted in this file, over restarts\n"
      "  -b BLOCKS        keep in this file whom listeners are to block, by classes with `block`\n"
      "  -k KEYS          how many keys the table has room for (100000)\n"
      "  -c CLIENTS       how many may be connected at once (1000)\n"
      "  -D DOOR          the TCP sockets outlive this process, and are handed to the next one at this unix "
      "socket\n"
      "  -S REDIS         rules with `shared` count there: redis://ADDRESS:PORT/DB, unix:PATH, or\n"
      "                   sentinel://MASTER@ADDRESS:PORT,.../DB\n"
      "  -A FILE          its password is in FILE: PASSWORD, or USER PASSWORD\n"
      "  -T MS            nobody waits longer for it (20)\n"
      "  -F PERCENT       of a shared limit, which is admitted here while it is away (50)\n"
      "  -U               become $UID, $GID and $GIDLIST (s6-envuidgid) once it listens\n"
      "  -d FD            write a newline to FD when ready to answer\n"
      "RULES is described in rater-rules(5). HUP reads it again, TERM ends. See raterd(8).\n";
  printf("usage: %s\n\n%s", usage, text);
  exit(fflush(stdout) ? 111 : 0);
}

static void one_option(options *o, int opt, char const *arg)
{
  switch (opt)
  {
    case 's': o->socket = arg; break;
    case 't': o->table = arg; break;
    case 'b': o->blocks = arg; break;
    case 'D': o->door = arg; break;
    case 'S': o->redis = arg; break;
    case 'A': o->password = arg; break;
    case 'T':
      if (!uint0_scan(arg, &o->redis_ms) || !o->redis_ms || o->redis_ms > 10000)
        bad_usage("not 1 to 10000 milliseconds: ", arg);
      break;
    case 'F':
      if (!uint0_scan(arg, &o->share) || !o->share || o->share > 100)
        bad_usage("not 1 to 100 percent: ", arg);
      break;
    case 'U': o->environment = 1; break;
    case 'l':
      if (o->n == ADDRESSES) bad_usage("more addresses than eight: ", arg);
      o->tcp[o->n++] = arg;
      break;
    case 'p':
      if (o->n_policy == ADDRESSES) bad_usage("more policy addresses than eight: ", arg);
      o->policy[o->n_policy++] = arg;
      break;
    case 'm':
      if (!uint0_oscan(arg, &o->mode) || o->mode > 0777) bad_usage("not a mode: ", arg);
      break;
    case 'd':
      if (!uint0_scan(arg, &o->ready) || o->ready < 3) bad_usage("not a descriptor of 3 or more: ", arg);
      break;
    case 'u':
      if (!uint0_scan(arg, &o->inherited) || o->inherited > 1023) bad_usage("not a descriptor: ", arg);
      o->inherited++;
      break;
    case 'k':
      if (!uint640_scan(arg, &o->keys) || o->keys < TABLE_KEYS_MIN || o->keys > TABLE_KEYS_MAX)
        bad_usage("not a number of keys, 64 to 1000000000: ", arg);
      break;
    case 'c':
      if (!uint0_scan(arg, &o->clients) || !o->clients || o->clients > CLIENTS_MAX)
        bad_usage("not a number of clients, 1 to 100000: ", arg);
      break;
    default: bad_usage("unknown option, or its value is missing", "");
  }
}

void options_parse(options *o, int argc, char const *const *argv)
{
  subgetopt l = SUBGETOPT_ZERO;
  int opt;

  if (argc == 2 && !strcmp(argv[1], "--help")) help();
  if (argc == 2 && !strcmp(argv[1], "--version"))
  {
    puts("raterd (mailctl) " VERSION);
    exit(fflush(stdout) ? 111 : 0);
  }
  l.err = 0;
  while ((opt = subgetopt_r(argc, argv, "d:s:u:m:l:p:t:b:k:c:D:US:A:T:F:", &l)) != -1)
    one_option(o, opt, l.arg);
  if (argc - l.ind != 1) bad_usage(argc == l.ind ? "no RULES" : "more than one RULES", "");
  if (!o->socket && !o->n && !o->n_policy && !o->inherited)
    bad_usage("nothing to listen on: none of -s, -u, -l, -p", "");
  if (o->socket && o->inherited) bad_usage("both -s and -u", "");
  for (unsigned int i = 0; o->door && i < o->n_policy; i++)
    if (strchr(o->policy[i], '/')) bad_usage("-D is for TCP alone: ", o->policy[i]);
  if (o->door && o->socket) bad_usage("-D is for TCP alone: ", o->socket);
  o->rules = argv[l.ind];
}

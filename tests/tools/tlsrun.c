#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <skalibs/exec.h>
#include <skalibs/strerr.h>

#include <runlib/tlsclient.h>

/*
 * tlsrun [-i] [-n NAME] SOCKET PROG...: smtpd's side of tlsd, and nothing else of smtpd. Runs under a UCSPI
 * server; without -i it plays as much SMTP as STARTTLS needs. PROG then talks TLS on its fd 0 and 1, with
 * TLSPROTOCOL, TLSCIPHER, TLSSNI, TLSRESUMED in its environment. Exit 1: tlsd was away, 2: the handshake failed.
 */

static void say(char const *s)
{
  if (write(1, s, strlen(s)) < 0) _exit(111);
}

/* A byte at a time: what follows the line is tlsd's. Returns 0 at the end of input. */
static int read_line(char *s, size_t max)
{
  size_t n = 0;

  while (n + 1 < max && read(0, s + n, 1) == 1)
    if (s[n++] == '\n') return (s[n] = 0, 1);
  return 0;
}

static void wait_for_starttls(void)
{
  char line[512];

  say("220 test.example ESMTP\r\n");
  for (;;)
  {
    if (!read_line(line, sizeof line)) _exit(0);
    if (!strncasecmp(line, "EHLO", 4))
      say("250-test.example\r\n250 STARTTLS\r\n");
    else if (!strncasecmp(line, "STARTTLS", 8))
      return;
    else
      say("502 5.5.1 no\r\n");
  }
}

static void export(tls_info const *info)
{
  setenv("TLSPROTOCOL", info->protocol, 1);
  setenv("TLSCIPHER", info->cipher, 1);
  setenv("TLSSNI", info->sni, 1);
  setenv("TLSRESUMED", info->resumed ? "1" : "0", 1);
}

int main(int argc, char const *const *argv)
{
  char const *ip = getenv("TCPREMOTEIP");
  tls_request rq = {.mode = TLS_STARTTLS, .peer = ip ? ip : "127.0.0.1"};
  tls_info info;
  int plain;

  PROG = "tlsrun";
  for (argc--, argv++; argc && argv[0][0] == '-'; argc--, argv++)
    if (!strcmp(argv[0], "-i"))
      rq.mode = TLS_IMPLICIT;
    else if (!strcmp(argv[0], "-n") && argc > 1)
      rq.name = *++argv, argc--;
  if (argc < 2) strerr_dieusage(100, "tlsrun [-i] [-n NAME] SOCKET PROG...");
  if (rq.mode == TLS_STARTTLS) wait_for_starttls();
  if (tls_start(argv[0], &rq, 0, &plain, &info, 60000) < 0)
  {
    int lost = errno == EPROTO;
    strerr_warnwsys("tls_start: ", info.reason);
    if (!lost && rq.mode == TLS_STARTTLS) say("454 4.7.0 TLS not available\r\n");
    return lost ? 2 : 1;
  }
  if (dup2(plain, 0) < 0 || dup2(plain, 1) < 0) return 111;
  export(&info);
  xexec(argv + 1);
}

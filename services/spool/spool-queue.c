#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/sig.h>
#include <skalibs/strerr.h>

#include <services/spool/envelope.h>
#include <services/spool/intake.h>

#define USAGE "spool-queue [SPOOL] <message 1<envelope"

#define LIFE 86400 /* seconds that a client may take, as in qmail-queue */

static intake q;
static char envelope[ENVELOPE_MAX + 1]; /* one more, to see that it is too long */

static void timeout(int sig)
{
  (void)sig;
  _exit(INTAKE_TIMEOUT); /* the file in tmp/ is left: unlinking here would race with the rename */
}

static void die(int code, char const *what, char const *where)
{
  int e = errno;

  intake_abort(&q);
  errno = e;
  strerr_diefusys(e == ENOMEM ? INTAKE_MEMORY : code, what, where);
}

static int received_fmt(char *s, size_t n)
{
  static char const months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  time_t now = time(0);
  struct tm tm;

  gmtime_r(&now, &tm);
  return snprintf(s, n, "Received: (spool-queue %u invoked by uid %u); %d %.3s %d %02d:%02d:%02d -0000\n",
                  (unsigned int)getpid(), (unsigned int)getuid(), tm.tm_mday, months + 3 * tm.tm_mon,
                  tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void take_message(void)
{
  static char chunk[INTAKE_BUFFER];
  size_t n = (size_t)received_fmt(chunk, sizeof chunk);

  for (;;)
  {
    ssize_t r;
    if (n && intake_put(&q, chunk, n) < 0) die(INTAKE_WRITE, "write to ", q.spool);
    r = fd_read(0, chunk, sizeof chunk);
    if (r < 0) die(INTAKE_READ, "read the message", "");
    if (!r) return;
    n = (size_t)r;
  }
}

/* Reads until the envelope is complete or cannot become one. Returns its length. */
static size_t take_envelope(void)
{
  envelope_scan scan = ENVELOPE_SCAN_ZERO;
  size_t len = 0, used;
  int more;

  do
  {
    ssize_t r = fd_read(1, envelope + len, sizeof envelope - len);
    if (r < 0) die(INTAKE_READ, "read the envelope", "");
    if (!r)
    {
      /* How a client that gives up says so; no reason to alarm anyone. */
      intake_abort(&q);
      _exit(INTAKE_READ);
    }
    more = !envelope_feed(&scan, envelope + len, (size_t)r, &used);
    len += used;
  } while (more && len < sizeof envelope);
  return len;
}

static char const *spool_of(int argc, char const *const *argv)
{
  char const *spool = argc > 1 ? argv[1] : getenv("SPOOL");

  if (argc > 2 || (argc == 2 && argv[1][0] == '-')) strerr_dieusage(100, USAGE);
  if (!spool || !*spool) strerr_dief(INTAKE_SPOOL, "no spool: give it as the argument or in $SPOOL");
  return spool;
}

static void complain(int code)
{
  switch (code)
  {
    case INTAKE_ADDRESS_LONG: strerr_warn(PROG, ": fatal: an address in the envelope is too long"); break;
    case INTAKE_REFUSED: strerr_warn(PROG, ": fatal: the envelope is too long"); break;
    case INTAKE_ENVELOPE: strerr_warn(PROG, ": fatal: the envelope is not one, or has no recipients"); break;
    default: strerr_warnsys(PROG, ": fatal: unable to queue into ", q.spool);
  }
}

int main(int argc, char const *const *argv)
{
  int code;

  PROG = "spool-queue";
  if (argc == 2 && !strcmp(argv[1], "--help")) return puts("usage: " USAGE), 0;
  if (argc == 2 && !strcmp(argv[1], "--version")) return puts("spool-queue (mailctl) " VERSION), 0;
  sig_ignore(SIGPIPE);
  sig_catch(SIGALRM, &timeout);
  alarm(LIFE);
  if (intake_open(&q, spool_of(argc, argv)) < 0)
    die(errno == ENOENT ? INTAKE_SPOOL : INTAKE_CREATE, "create a file in ", q.spool);
  take_message();
  code = intake_finish(&q, envelope, take_envelope());
  if (code) complain(code);
  return code;
}

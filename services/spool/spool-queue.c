#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/sig.h>
#include <skalibs/strerr.h>

#include <services/spool/envelope.h>
#include <services/spool/queue.h>

#define USAGE "spool-queue [SPOOL] <message 1<envelope"

/* As in qmail-queue(8): 11 to 40 are for good, the others may go away. */
enum
{
  EX_ADDRESS_LONG = 11,
  EX_REFUSED = 31,
  EX_MEMORY = 51,
  EX_TIMEOUT = 52,
  EX_WRITE = 53,
  EX_READ = 54,
  EX_SPOOL = 61,
  EX_CREATE = 63,
  EX_ENVELOPE = 91
};

#define LIFE 86400 /* seconds that a client may take, as in qmail-queue */

static queue q;
static char envelope[ENVELOPE_MAX];

static void timeout(int sig)
{
  (void)sig;
  _exit(EX_TIMEOUT); /* the file in tmp/ is left: unlinking here would race with the rename */
}

static void die(int code, char const *what, char const *where)
{
  int e = errno;

  queue_abort(&q);
  errno = e;
  strerr_diefusys(e == ENOMEM ? EX_MEMORY : code, what, where);
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
  static char chunk[QUEUE_BUFFER];
  size_t n = (size_t)received_fmt(chunk, sizeof chunk);

  for (;;)
  {
    ssize_t r;
    if (n && queue_put(&q, chunk, n) < 0) die(EX_WRITE, "write to ", q.spool);
    r = fd_read(0, chunk, sizeof chunk);
    if (r < 0) die(EX_READ, "read the message", "");
    if (!r) return;
    n = (size_t)r;
  }
}

static void bad_envelope(void)
{
  int code = errno == ENAMETOOLONG ? EX_ADDRESS_LONG : errno == EMSGSIZE ? EX_REFUSED : EX_ENVELOPE;

  queue_abort(&q);
  strerr_dief(code, code == EX_ADDRESS_LONG ? "an address in the envelope is too long"
                    : code == EX_REFUSED    ? "the envelope is too long"
                                            : "the envelope is not one");
}

static size_t take_envelope(void)
{
  envelope_scan scan = ENVELOPE_SCAN_ZERO;
  size_t len = 0;
  int complete = 0;

  while (!complete)
  {
    size_t used;
    ssize_t r = len < sizeof envelope ? fd_read(1, envelope + len, sizeof envelope - len) : 0;
    if (r < 0) die(EX_READ, "read the envelope", "");
    if (!r && len < sizeof envelope)
    {
      /* How a client that gives up says so; no reason to alarm anyone. */
      queue_abort(&q);
      _exit(EX_READ);
    }
    complete = envelope_feed(&scan, envelope + len, (size_t)r, &used);
    if (!r && !complete) errno = EMSGSIZE, complete = -1;
    if (complete < 0) bad_envelope();
    len += used;
  }
  if (!scan.recipients) errno = EPROTO, bad_envelope();
  return len;
}

static char const *spool_of(int argc, char const *const *argv)
{
  char const *spool = argc > 1 ? argv[1] : getenv("SPOOL");

  if (argc > 2 || (argc == 2 && argv[1][0] == '-')) strerr_dieusage(100, USAGE);
  if (!spool || !*spool) strerr_dief(EX_SPOOL, "no spool: give it as the argument or in $SPOOL");
  return spool;
}

int main(int argc, char const *const *argv)
{
  size_t len;

  PROG = "spool-queue";
  if (argc == 2 && !strcmp(argv[1], "--help")) return puts("usage: " USAGE), 0;
  if (argc == 2 && !strcmp(argv[1], "--version")) return puts("spool-queue (mailctl) " VERSION), 0;
  umask(0);
  sig_ignore(SIGPIPE);
  sig_catch(SIGALRM, &timeout);
  alarm(LIFE);
  if (queue_open(&q, spool_of(argc, argv)) < 0)
    die(errno == ENOENT ? EX_SPOOL : EX_CREATE, "create a file in ", q.spool);
  take_message();
  len = take_envelope();
  if (queue_commit(&q, envelope, len) < 0) die(EX_WRITE, "queue into ", q.spool);
  return 0;
}

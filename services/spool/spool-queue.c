#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <runlib/clock.h>
#include <runlib/envelope.h>
#include <runlib/intake.h>

#define USAGE "spool-queue [SPOOL] <message 1<envelope"

#define LIFE 86400 /* seconds that a client may take, as in qmail-queue */

static intake q;
static char envelope[ENVELOPE_MAX + 1]; /* one more, to see that it is too long */

static void timeout(int sig)
{
  (void)sig;
  _exit(INTAKE_TIMEOUT); /* the file in tmp/ is left: unlinking here would race with the rename */
}

/* One write, so that lines of several processes do not mix. */
static void complain(char const *what, char const *where, char const *why)
{
  char line[PATH_MAX + 256];
  int n = snprintf(line, sizeof line, "spool-queue: fatal: %s%s%s%s\n", what, where, why ? ": " : "",
                   why ? why : "");

  signal(SIGPIPE, SIG_IGN); /* the exit code must get through */
  if (n > 0 && write(2, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1) < 0) return;
}

static void die(int code, char const *what, char const *where)
{
  int e = errno;

  intake_abort(&q);
  complain(what, where, strerror(e));
  _exit(e == ENOMEM ? INTAKE_MEMORY : code);
}

static int received_fmt(char *s, size_t n)
{
  static char const months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  time_t now = clock_wall().tv_sec;
  struct tm tm;

  gmtime_r(&now, &tm);
  return snprintf(s, n, "Received: (spool-queue %u invoked by uid %u); %d %.3s %d %02d:%02d:%02d -0000\n",
                  (unsigned int)getpid(), (unsigned int)getuid(), tm.tm_mday, months + 3 * tm.tm_mon,
                  tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* A message that begins with a blank would continue our own Received field: it has no header then. */
static ssize_t take_first(char *place, size_t room)
{
  ssize_t r = read(0, place + 1, room - 1);

  if (r <= 0) return r;
  if (place[1] != ' ' && place[1] != '\t') return memmove(place, place + 1, (size_t)r), r;
  *place = '\n';
  return r + 1;
}

static void take_message(void)
{
  size_t room;
  char *place = intake_room(&q, &room);
  int first = 1;
  ssize_t r = received_fmt(place, room);

  while (r)
  {
    intake_filled(&q, (size_t)r);
    place = intake_room(&q, &room);
    if (!place) die(INTAKE_WRITE, "unable to write to ", q.spool);
    r = first ? take_first(place, room) : read(0, place, room);
    first = 0;
    if (r < 0) die(INTAKE_READ, "unable to read the message", "");
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
    ssize_t r = read(1, envelope + len, sizeof envelope - len);
    if (r < 0) die(INTAKE_READ, "unable to read the envelope", "");
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

  if (argc > 2 || (argc == 2 && argv[1][0] == '-'))
  {
    dprintf(2, "spool-queue: usage: %s\n", USAGE);
    _exit(100);
  }
  if (spool && *spool) return spool;
  complain("no spool: give it as the argument or in $SPOOL", "", 0);
  _exit(INTAKE_SPOOL);
}

static void complain_of(int code)
{
  switch (code)
  {
    case INTAKE_ADDRESS_LONG: complain("an address in the envelope is too long", "", 0); break;
    case INTAKE_REFUSED: complain("the envelope is too long", "", 0); break;
    case INTAKE_ENVELOPE: complain("the envelope is not one, or has no recipients", "", 0); break;
    default: complain("unable to queue into ", q.spool, strerror(errno));
  }
}

int main(int argc, char const *const *argv)
{
  struct sigaction const act = {.sa_handler = timeout};
  int code;

  if (argc == 2 && !strcmp(argv[1], "--help")) return puts("usage: " USAGE) < 0 || fflush(stdout) ? 111 : 0;
  if (argc == 2 && !strcmp(argv[1], "--version"))
    return puts("spool-queue (mailctl) " VERSION) < 0 || fflush(stdout) ? 111 : 0;
  sigaction(SIGALRM, &act, 0);
  alarm(LIFE);
  if (intake_open(&q, spool_of(argc, argv)) < 0)
    die(errno == ENOENT ? INTAKE_SPOOL : INTAKE_CREATE, "unable to create a file in ", q.spool);
  take_message();
  code = intake_finish(&q, envelope, take_envelope());
  if (code) complain_of(code);
  return code;
}

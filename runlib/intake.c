#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <runlib/clock.h>
#include <runlib/envelope.h>
#include <runlib/handover.h>
#include <runlib/intake.h>

/* Bytes of a path into the spool. Not PATH_MAX: what a short process costs is the pages that it touches. */
#define PATH 1280

static int path(char *s, intake const *q, char const *directory)
{
  if (snprintf(s, PATH, "%s/%s/%s", q->spool, directory, q->name) < PATH) return 0;
  errno = ENAMETOOLONG;
  return -1;
}

static void new_name(intake *q)
{
  struct timespec now = clock_wall();

  spoolname_fmt(q->name, &now, (unsigned int)getpid(), q->chance);
}

static int is_socket(char const *spool)
{
  struct stat st;
  return !stat(spool, &st) && S_ISSOCK(st.st_mode);
}

int intake_open(intake *q, char const *spool)
{
  char tmp[PATH];

  q->spool = spool;
  q->fd = -1;
  q->message = q->len = 0;
  q->held = 0;
  q->handed = is_socket(spool);
  if (q->handed)
    return handover_ask(spool, q->readable ? HANDOVER_EDIT : HANDOVER_OPEN, q->name, &q->fd) ? -1 : 0;
  if (getrandom(&q->chance, sizeof q->chance, 0) != sizeof q->chance) return -1;
  new_name(q);
  if (path(tmp, q, "tmp") < 0) return -1;
  q->fd = open(tmp, (q->readable ? O_RDWR : O_WRONLY) | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (q->fd < 0) return -1;
  /* Held until the end: by this spool-deliver tells a file in use from one that a killed process left. */
  return flock(q->fd, LOCK_EX | LOCK_NB);
}

int intake_scratch(intake *q, char const *directory)
{
  q->spool = 0;
  q->message = q->len = 0;
  q->held = q->handed = 0;
  q->fd = open(directory, O_RDWR | O_TMPFILE | O_EXCL | O_CLOEXEC, 0600);
  return q->fd < 0 ? -1 : 0;
}

static int flush(intake *q)
{
  size_t done = 0;

  while (done < q->len)
  {
    ssize_t w = write(q->fd, q->buffer + done, q->len - done);
    if (w < 0 && errno != EINTR) return -1;
    if (w > 0) done += (size_t)w;
  }
  q->len = 0;
  return 0;
}

char *intake_room(intake *q, size_t *n)
{
  if (q->len == INTAKE_BUFFER && flush(q) < 0) return 0;
  *n = INTAKE_BUFFER - q->len;
  return q->buffer + q->len;
}

void intake_filled(intake *q, size_t n)
{
  q->len += n;
  q->message += n;
}

int intake_put(intake *q, char const *s, size_t n)
{
  while (n)
  {
    size_t room;
    char *place = intake_room(q, &room);
    if (!place) return -1;
    if (room > n) room = n;
    memcpy(place, s, room);
    intake_filled(q, room);
    s += room;
    n -= room;
  }
  return 0;
}

long intake_read(intake const *q, uint64_t at, char *to, size_t max)
{
  uint64_t flushed = q->message - q->len, rest = at < flushed ? flushed - at : q->message - at;

  if (at >= q->message) return 0;
  if (max > rest) max = (size_t)rest;
  if (at < flushed) return pread(q->fd, to, max, (off_t)at);
  memcpy(to, q->buffer + (at - flushed), max);
  return (long)max;
}

static char const *place(intake const *q)
{
  return q->held ? "held" : "todo";
}

static int sync_directory(intake const *q)
{
  char todo[PATH];
  int fd, result;

  snprintf(todo, PATH, "%s/%s", q->spool, place(q));
  fd = open(todo, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -1;
  result = fsync(fd);
  close(fd);
  return result;
}

static int seal(intake *q, char const *envelope, size_t len)
{
  char trailer[ENVELOPE_TRAILER];

  envelope_trailer_fmt(trailer, q->message);
  return intake_put(q, envelope, len) < 0 || intake_put(q, trailer, sizeof trailer) < 0 ? -1 : flush(q);
}

/* Gone already: spool-deliver has it in a Maildir or in failed/, both on disk. */
static int take_back(char const *todo)
{
  int e = errno;

  if (unlink(todo) < 0 && errno == ENOENT) return 0;
  errno = e;
  return -1;
}

/*
 * The rename comes before the sync, so that the file system writes one transaction for both. What a power failure
 * may leave of a message in todo/ was never answered for; spool-deliver sees by the trailer that it is not whole.
 */
static int commit(intake *q, char const *envelope, size_t len)
{
  char tmp[PATH], todo[PATH];
  int result = -1;

  if (seal(q, envelope, len) < 0 || path(tmp, q, "tmp") < 0) return -1;
  /* Named anew: the name tells when it was queued, not when a slow client began. */
  new_name(q);
  if (path(todo, q, place(q)) < 0 || rename(tmp, todo) < 0)
  {
    unlink(tmp);
    goto end;
  }
  result = fdatasync(q->fd) < 0 || sync_directory(q) < 0 ? take_back(todo) : 0;
end:
  close(q->fd);
  q->fd = -1;
  return result;
}

/* Closed first: spool-intake takes no file that anybody could still change. */
static int hand_over(intake *q, char const *envelope, size_t len)
{
  if (seal(q, envelope, len) < 0) return INTAKE_WRITE;
  close(q->fd);
  q->fd = -1;
  return handover_ask(q->spool, q->held ? HANDOVER_HOLD : HANDOVER_COMMIT, q->name, 0);
}

void intake_abort(intake *q)
{
  char tmp[PATH];

  if (q->fd < 0) return;
  close(q->fd);
  q->fd = -1;
  if (q->handed)
    (void)handover_ask(q->spool, HANDOVER_ABORT, q->name, 0);
  else if (q->spool && !path(tmp, q, "tmp"))
    unlink(tmp);
}

static int wrong_envelope(char const *envelope, size_t len)
{
  envelope_scan scan = ENVELOPE_SCAN_ZERO;
  size_t used;
  int r = envelope_feed(&scan, envelope, len, &used);

  if (r > 0 && used == len && scan.recipients) return 0;
  if (r < 0 && errno == ENAMETOOLONG) return INTAKE_ADDRESS_LONG;
  errno = EMSGSIZE;
  if (r <= 0 && scan.len == ENVELOPE_MAX && len >= ENVELOPE_MAX) return INTAKE_REFUSED;
  errno = EPROTO;
  return INTAKE_ENVELOPE;
}

int intake_finish(intake *q, char const *envelope, size_t len)
{
  int code = wrong_envelope(envelope, len);

  if (!code && q->handed) code = hand_over(q, envelope, len);
  if (!code && !q->handed && commit(q, envelope, len) < 0)
    code = errno == ENOMEM ? INTAKE_MEMORY : INTAKE_WRITE;
  if (code)
  {
    int e = errno;
    intake_abort(q);
    errno = e;
  }
  return code;
}

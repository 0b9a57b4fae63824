#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>

#include <services/spool/envelope.h>
#include <services/spool/intake.h>

static int path(char *s, intake const *q, char const *folder)
{
  if (snprintf(s, PATH_MAX, "%s/%s/%s", q->spool, folder, q->name) < PATH_MAX) return 0;
  errno = ENAMETOOLONG;
  return -1;
}

static int new_name(intake *q)
{
  struct timespec now;
  uint64_t chance;

  if (getrandom(&chance, sizeof chance, 0) != sizeof chance || clock_gettime(CLOCK_REALTIME, &now) < 0)
    return -1;
  spoolname_fmt(q->name, &now, (unsigned int)getpid(), chance);
  return 0;
}

/* The group may write: it is spool-deliver's where todo/ is set-group-id, and it marks recipients in the file. */
int intake_open(intake *q, char const *spool)
{
  char tmp[PATH_MAX];
  mode_t mask;

  q->spool = spool;
  q->fd = -1;
  q->message = q->len = 0;
  if (new_name(q) < 0 || path(tmp, q, "tmp") < 0) return -1;
  mask = umask(0);
  q->fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0660);
  umask(mask);
  if (q->fd < 0) return -1;
  /* Held until the end: by this spool-deliver tells a file in use from one that a killed process left. */
  return flock(q->fd, LOCK_EX | LOCK_NB);
}

static int flush(intake *q)
{
  if (allwrite(q->fd, q->buffer, q->len) < q->len) return -1;
  q->len = 0;
  return 0;
}

int intake_put(intake *q, char const *s, size_t n)
{
  while (n)
  {
    size_t room = INTAKE_BUFFER - q->len;
    if (room > n) room = n;
    memcpy(q->buffer + q->len, s, room);
    q->len += room;
    q->message += room;
    s += room;
    n -= room;
    if (q->len == INTAKE_BUFFER && flush(q) < 0) return -1;
  }
  return 0;
}

static int sync_folder(intake const *q)
{
  char todo[PATH_MAX];
  int fd, result;

  snprintf(todo, PATH_MAX, "%s/todo", q->spool);
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
  char tmp[PATH_MAX], todo[PATH_MAX];
  int result = -1;

  if (seal(q, envelope, len) < 0 || path(tmp, q, "tmp") < 0) return -1;
  /* Named anew: the name tells when it was queued, not when a slow client began. */
  if (new_name(q) < 0 || path(todo, q, "todo") < 0 || rename(tmp, todo) < 0)
  {
    unlink(tmp);
    goto end;
  }
  result = fdatasync(q->fd) < 0 || sync_folder(q) < 0 ? take_back(todo) : 0;
end:
  close(q->fd);
  q->fd = -1;
  return result;
}

void intake_abort(intake *q)
{
  char tmp[PATH_MAX];

  if (q->fd < 0) return;
  if (!path(tmp, q, "tmp")) unlink(tmp);
  close(q->fd);
  q->fd = -1;
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

  if (!code && commit(q, envelope, len) < 0) code = errno == ENOMEM ? INTAKE_MEMORY : INTAKE_WRITE;
  if (code)
  {
    int e = errno;
    intake_abort(q);
    errno = e;
  }
  return code;
}

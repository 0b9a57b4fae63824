#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/strerr.h>

#include <runlib/clock.h>
#include <runlib/fdpass.h>
#include <runlib/handover.h>
#include <runlib/intake.h>

#include <services/spool/admit.h>
#include <services/spool/message.h>

/* A client that has gone, or does not read, is not waited for. */
static void answer(int reply, int code, char const *name, int fd)
{
  handover_answer a = {.code = (unsigned char)code, .error = (unsigned char)(code ? errno : 0)};

  if (name) memcpy(a.name, name, sizeof a.name);
  if (fd >= 0)
    (void)fdpass_send(reply, (char const *)&a, sizeof a, &fd, 1);
  else
    (void)send(reply, &a, sizeof a, MSG_DONTWAIT | MSG_NOSIGNAL);
  fd_close(reply);
}

static int new_name(char name[SPOOLNAME_FMT])
{
  struct timespec now = clock_wall();
  uint64_t chance;

  memset(name, 0, SPOOLNAME_FMT);
  if (getrandom(&chance, sizeof chance, 0) != sizeof chance) return -1;
  spoolname_fmt(name, &now, (unsigned int)getpid(), chance);
  return 0;
}

static int create(admit const *a, char name[SPOOLNAME_FMT], int how)
{
  int fd;

  if (new_name(name) < 0) return -1;
  fd = openat(a->tmp, name, how | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  /* The client's descriptor keeps it locked: by this spool-deliver tells a file in use. */
  if (fd >= 0) (void)flock(fd, LOCK_EX | LOCK_NB);
  return fd;
}

static void serve_open(admit const *a, int how, int reply)
{
  char name[SPOOLNAME_FMT];
  int fd = create(a, name, how);

  if (fd < 0)
  {
    strerr_warnwu3sys("create a file in ", a->path, "/tmp");
    answer(reply, INTAKE_CREATE, 0, reply);
    return;
  }
  answer(reply, 0, name, fd);
  fd_close(fd);
}

/* The kernel gives this lease only for a file that nobody has open for writing, or on the way to somebody. */
static int nobody_writes(int fd)
{
  if (fcntl(fd, F_SETLEASE, F_RDLCK) < 0) return errno == EAGAIN ? (errno = EBUSY, -1) : -1;
  return fcntl(fd, F_SETLEASE, F_UNLCK);
}

/* None of its recipients has been tried. */
static int untried(message const *m)
{
  size_t pos = 0;
  recipient r;

  while (envelope_next(m->envelope.s, m->envelope.len, &pos, &r))
    if (m->envelope.s[r.mark] != ENVELOPE_TODO) return (errno = EPROTO, 0);
  return 1;
}

/* Whether the file is a whole message that will not change. Returns an exit code of intake.h; fd stays open. */
static int examine(admit const *a, int fd)
{
  message m = MESSAGE_ZERO;
  struct stat st;
  int copy, ok;

  if (nobody_writes(fd) < 0 || fstat(fd, &st) < 0) return INTAKE_WRITE;
  if (a->most && (uint64_t)st.st_size > a->most) return (errno = EFBIG, INTAKE_REFUSED);
  /* One with holes takes little to make and, delivered, fills the disk. */
  if (lseek(fd, 0, SEEK_HOLE) < st.st_size) return (errno = ENODATA, INTAKE_REFUSED);
  copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return INTAKE_WRITE;
  if (message_open_fd(&m, copy) < 0) return errno == ENOMEM ? INTAKE_MEMORY : INTAKE_ENVELOPE;
  ok = untried(&m);
  message_close(&m);
  return ok ? 0 : INTAKE_ENVELOPE;
}

static int take(admit const *a, char const *name, admitted *w)
{
  int code;

  w->fd = openat(a->tmp, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (w->fd < 0) return INTAKE_WRITE;
  code = examine(a, w->fd);
  /* Named anew: the name tells when it was queued, and what was secret of it remains so. */
  if (!code && (new_name(w->name) < 0 || renameat(a->tmp, name, w->at, w->name) < 0)) code = INTAKE_WRITE;
  if (code)
  {
    int e = errno;
    fd_close(w->fd);
    unlinkat(a->tmp, name, 0);
    errno = e;
  }
  return code;
}

static void serve_commit(admit *a, char const *name, int at, int reply)
{
  admitted *w = a->waiting + a->n;
  int code;

  w->at = at;
  code = take(a, name, w);

  if (code)
  {
    /* What the client did wrong is for its own log: it could fill ours. */
    if (code == INTAKE_WRITE && errno != EBUSY && errno != ENOENT)
      strerr_warnwu3sys("take a message into ", a->path, "/todo");
    answer(reply, code, 0, -1);
    return;
  }
  w->reply = reply;
  a->n++;
}

void admit_request(admit *a, char const *s, size_t len, int reply)
{
  int named = len == HANDOVER_REQUEST && !s[len - 1] && spoolname_birth(s + 1) && !strchr(s + 1, '/');

  if (len == HANDOVER_REQUEST && (*s == HANDOVER_OPEN || *s == HANDOVER_EDIT))
    serve_open(a, *s == HANDOVER_EDIT ? O_RDWR : O_WRONLY, reply);
  else if (named && (*s == HANDOVER_COMMIT || *s == HANDOVER_HOLD))
    serve_commit(a, s + 1, *s == HANDOVER_HOLD ? a->held : a->todo, reply);
  else
  {
    if (named && *s == HANDOVER_ABORT) unlinkat(a->tmp, s + 1, 0);
    fd_close(reply);
  }
}

/* Gone already: spool-deliver has it in a Maildir or in failed/, both on disk. */
static int take_back(admitted const *w)
{
  int e = errno;

  if (unlinkat(w->at, w->name, 0) < 0 && errno == ENOENT) return 0;
  errno = e;
  return INTAKE_WRITE;
}

/* All are named before any is waited for, so that the file system writes one transaction for the whole batch. */
void admit_flush(admit *a)
{
  int e[ADMIT_BATCH];
  int synced, holds = 0;

  if (!a->n) return;
  for (unsigned int i = 0; i < a->n; i++) sync_file_range(a->waiting[i].fd, 0, 0, SYNC_FILE_RANGE_WRITE);
  for (unsigned int i = 0; i < a->n; i++) holds |= a->waiting[i].at == a->held;
  for (unsigned int i = 0; i < a->n; i++) e[i] = fdatasync(a->waiting[i].fd) < 0 ? errno : 0;
  synced = fsync(a->todo);
  if (holds && fsync(a->held) < 0) synced = -1;
  for (unsigned int i = 0; i < a->n; i++)
  {
    admitted *w = a->waiting + i;
    int code = 0;
    if (e[i]) errno = e[i];
    if (e[i] || synced < 0)
    {
      strerr_warnwu3sys("sync ", a->path, "/todo");
      code = take_back(w);
    }
    fd_close(w->fd);
    answer(w->reply, code, 0, -1);
  }
  a->n = 0;
}

int admit_probe(admit const *a)
{
  char name[SPOOLNAME_FMT];
  int r, e, fd = create(a, name, O_WRONLY);

  if (fd < 0) return -1;
  fd_close(fd);
  fd = openat(a->tmp, name, O_RDONLY | O_CLOEXEC);
  r = fd < 0 ? -1 : nobody_writes(fd);
  e = errno;
  if (fd >= 0) fd_close(fd);
  unlinkat(a->tmp, name, 0);
  errno = e;
  return r;
}

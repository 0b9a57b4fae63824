#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include "draft.h"

#define PIECE 32768u

static intake *current(draft *d)
{
  return d->file + d->at;
}

/* Whether it lies in a file of ours, rather than in the program's pipe. */
static int is_ours(draft const *d)
{
  return !d->program || d->milters;
}

static int open_file(draft *d, intake *q)
{
  char const *directory = getenv("TMPDIR");
  int r;

  q->readable = d->milters;
  r = d->spool ? intake_open(q, d->spool) : intake_scratch(q, directory && *directory ? directory : "/tmp");
  if (!r) return 0;
  strerr_warnwusys("create a file in ", d->spool ? d->spool : directory && *directory ? directory : "/tmp");
  intake_abort(q);
  return -1;
}

int draft_open(draft *d, char const *program, stralloc const *vars)
{
  char const *spool = getenv("SPOOL");
  int builtin = !strcmp(program, "builtin:spool");

  d->program = builtin ? 0 : program;
  d->spool = builtin ? spool : 0;
  d->vars = vars;
  d->error = 0;
  d->at = 0;
  d->whole = -1;
  d->file[0].fd = d->file[1].fd = -1;
  if (builtin && (!spool || !*spool))
  {
    strerr_warnw("builtin:spool needs the environment variable SPOOL");
    return -1;
  }
  if (is_ours(d)) return open_file(d, d->file);
  if (queue_open(&d->queue, program, vars) == 0) return 0;
  strerr_warnwusys("run ", program);
  return -1;
}

void draft_put(draft *d, char const *bytes, size_t len)
{
  if (!is_ours(d))
    queue_put(&d->queue, bytes, len);
  else if (!d->error && intake_put(current(d), bytes, len) < 0)
    d->error = errno;
}

/* --- made anew ----------------------------------------------------------------------------------- */

long draft_read(draft const *d, uint64_t at, char *to, size_t max)
{
  return intake_read(d->file + (d->whole < 0 ? d->at : (unsigned int)d->whole), at, to, max);
}

/* One that is in its buffer alone goes to the other's buffer, and its file is as new. */
int draft_again(draft *d)
{
  intake *q = current(d), *other = d->file + !d->at;

  if (d->error) return (errno = d->error, -1);
  if (q->message > q->len)
  {
    if (open_file(d, other) < 0) return -1;
    d->whole = (int)d->at;
    d->at = !d->at;
    return 0;
  }
  memcpy(other->buffer, q->buffer, q->len);
  other->len = q->len;
  other->message = q->message;
  other->fd = -1;
  q->len = q->message = 0;
  d->whole = !d->at;
  return 0;
}

int draft_settle(draft *d, int keep)
{
  intake *q = current(d), *old = d->file + d->whole;

  if (d->whole < 0) return 0;
  d->whole = -1;
  if (keep)
    intake_abort(old);
  else if (old->fd >= 0)
  {
    intake_abort(q);
    d->at = !d->at;
    d->error = 0;
  }
  else
  {
    intake_abort(q);
    d->error = 0;
    if (open_file(d, q) < 0 || intake_put(q, old->buffer, old->len) < 0) d->error = errno;
  }
  return d->error ? (errno = d->error, -1) : 0;
}

int draft_hold(draft *d)
{
  if (d->program) return -1;
  current(d)->held = 1;
  return 0;
}

/* --- its end ------------------------------------------------------------------------------------- */

static int into_spool(draft *d, char const *envelope, size_t len)
{
  int code = INTAKE_WRITE;

  if (!d->error) code = intake_finish(current(d), envelope, len);
  if (!code) return 0;
  if (d->error) errno = d->error;
  strerr_warnwusys("queue into ", d->spool);
  intake_abort(current(d));
  return code;
}

static int into_program(draft *d, char const *envelope, size_t len, unsigned long *id)
{
  char piece[PIECE];
  uint64_t at = 0;
  long n = d->error ? -1 : 0;

  if (n < 0 || queue_open(&d->queue, d->program, d->vars) < 0)
  {
    strerr_warnwusys("run ", d->program);
    intake_abort(current(d));
    return INTAKE_WRITE;
  }
  *id = (unsigned long)d->queue.pid;
  while ((n = draft_read(d, at, piece, sizeof piece)) > 0)
  {
    queue_put(&d->queue, piece, (size_t)n);
    at += (uint64_t)n;
  }
  intake_abort(current(d));
  if (n < 0) queue_abandon(&d->queue);
  return n < 0 ? INTAKE_READ : queue_close(&d->queue, envelope, len);
}

int draft_close(draft *d, char const *envelope, size_t len, unsigned long *id)
{
  *id = (unsigned long)(d->program ? d->queue.pid : getpid());
  if (!d->program) return into_spool(d, envelope, len);
  return d->milters ? into_program(d, envelope, len, id) : queue_close(&d->queue, envelope, len);
}

void draft_abandon(draft *d)
{
  if (d->whole >= 0) (void)draft_settle(d, 1);
  if (is_ours(d))
    intake_abort(current(d));
  else
    queue_abandon(&d->queue);
}

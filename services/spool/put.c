#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>

#include <runlib/maildirsize.h>

#include <services/spool/maildir.h>
#include <services/spool/quota.h>

#include "deliver-internal.h"

int put_write(int fd, job const *j, recipient const *r)
{
  stralloc sa = STRALLOC_ZERO;
  int result = -1;

  if (stralloc_cats(&sa, "Return-Path: <") && !mailbox_address(&sa, envelope_sender(j->m.envelope.s)) &&
      stralloc_cats(&sa, ">\nDelivered-To: ") && !mailbox_address(&sa, r->address) &&
      stralloc_cats(&sa, "\n") && allwrite(fd, sa.s, sa.len) == sa.len)
    result = message_copy(&j->m, fd);
  stralloc_free(&sa);
  return result;
}

static void drop(pending *p)
{
  int e = errno;

  if (p->fd >= 0)
  {
    close(p->fd);
    if (!p->done) maildir_abort(p->maildir, p->name);
  }
  if (p->maildir >= 0) close(p->maildir);
  errno = e;
}

/* What goes to the Maildir and is not counted there yet. */
static uint64_t bytes_pending(batch const *b, char const *directory)
{
  uint64_t n = 0;

  for (unsigned int i = 0; i < b->pendings; i++)
    if (!strcmp(b->pending[i].directory, directory)) n += b->pending[i].j->m.len;
  return n;
}

/* begun: an earlier delivery may have got as far as new/. Returns 0; 1: the Maildir is full; or -1 and errno. */
static int write_pending(batch *b, pending *p, int begun)
{
  int r = 0;

  p->maildir = maildir_open(b->s->mail, p->directory);
  if (p->maildir < 0) return -1;
  if (begun) r = maildir_has(p->maildir, p->name);
  if (r) return r > 0 ? 0 : -1;
  r = quota_fits(p->maildir, p->j->m.len + bytes_pending(b, p->directory), b->s->quota);
  if (r <= 0) return r ? -1 : 1;
  p->fd = maildir_create(p->maildir, p->name);
  return p->fd < 0 ? -1 : put_write(p->fd, p->j, &p->r);
}

static int by_text(void const *a, void const *b)
{
  return strcmp(a, b);
}

int put_has(job const *j, char const *directory)
{
  return tfind(directory, &j->maildirs, &by_text) != 0;
}

void put_note(job *j, char const *directory)
{
  char *copy = strdup(directory);
  char *const *node = copy ? tsearch(copy, &j->maildirs, &by_text) : 0;

  if (!node || *node != copy) free(copy);
}

static int is_pending(batch const *b, job const *j, char const *directory)
{
  for (unsigned int i = 0; i < b->pendings; i++)
    if (b->pending[i].j == j && !strcmp(b->pending[i].directory, directory)) return 1;
  return 0;
}

void put_file(batch *b, job *j, recipient const *r, unsigned int number, char const *directory, int begun)
{
  pending *p;
  int full;

  if (is_pending(b, j, directory) || b->pendings == DELIVER_PENDING) put_flush(b);
  if (put_has(j, directory)) return;
  p = b->pending + b->pendings;
  p->j = j;
  p->r = *r;
  p->fd = p->maildir = -1;
  p->done = 0;
  snprintf(p->name, sizeof p->name, "%s_%u.%s", j->name, number, b->s->host);
  snprintf(p->directory, sizeof p->directory, "%s", directory);
  full = write_pending(b, p, begun);
  if (!full)
  {
    b->pendings++;
    shares_take(&b->s->shares, j->history.source, j->m.len);
    return;
  }
  drop(p);
  if (full > 0)
    deliver_refuse(b, j, r, "the mailbox is full (#5.2.2)");
  else if (b->pendings && (errno == EMFILE || errno == ENFILE))
  {
    /* The files that wait to be synced may be what takes all the descriptors. */
    put_flush(b);
    put_file(b, j, r, number, directory, begun);
  }
  else
    deliver_defer(b, j, r, "write to ", directory);
}

static int same_directory_synced(batch const *b, pending const *p)
{
  for (pending const *q = b->pending; q < p; q++)
    if (q->done == 2 && !strcmp(q->directory, p->directory)) return 1;
  return 0;
}

static int settle(batch const *b, pending *p)
{
  if (!p->done) return -1;
  if (!same_directory_synced(b, p) && maildir_sync(p->maildir) < 0) return -1;
  p->done = 2;
  return 0;
}

/* What a mail reader counts as well. That it cannot be counted is no reason to fail. */
static void count_file(pending const *p)
{
  struct stat st;

  if (p->fd >= 0 && fstat(p->fd, &st) == 0) maildirsize_add(p->maildir, (uint64_t)st.st_size);
}

static int to_new(pending *p)
{
  if (p->fd >= 0 && (fdatasync(p->fd) < 0 || maildir_commit(p->maildir, p->name) < 0)) return -1;
  p->done = 1;
  return 0;
}

/*
 * All files' writing is begun before any is waited for, and all are in new/ before any directory is synced:
 * the file system then does with two transactions for the whole batch.
 */
void put_flush(batch *b)
{
  pending *end = b->pending + b->pendings;

  for (pending *p = b->pending; p < end; p++)
    if (p->fd >= 0) sync_file_range(p->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
  for (pending *p = b->pending; p < end; p++)
    if (to_new(p) < 0) deliver_defer(b, p->j, &p->r, "write to ", p->directory);
  for (pending *p = b->pending; p < end; p++)
    if (p->done && settle(b, p) < 0) deliver_defer(b, p->j, &p->r, "sync ", p->directory);
  for (pending *p = b->pending; p < end; p++)
  {
    if (p->done == 2)
    {
      put_note(p->j, p->directory);
      count_file(p);
      deliver_say("delivered ", p->j->name, p->r.address, " to ", p->directory);
    }
    drop(p);
  }
  b->pendings = 0;
}

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/strerr.h>

#include <runlib/mailbox.h>
#include <runlib/spoolname.h>

#include <services/spool/deliver.h>
#include <services/spool/maildir.h>

#define PENDING_MAX 128U
#define NAME_SIZE   256U   /* of a file name, with its NUL */
#define WHY_MAX     65536U /* bytes of reasons that one message carries */

typedef struct job_s job;
struct job_s
{
  message m;
  char const *name;
  unsigned int deferred; /* recipients that must be tried again */
  unsigned int refused;
  stralloc why;
};

/* A file that is written to a Maildir's tmp and not yet synced. */
typedef struct pending_s pending;
struct pending_s
{
  job *j;
  recipient r;
  int fd; /* -1: it was there already */
  int maildir;
  int done; /* 0, or it was synced, 2: and its folder too */
  char name[NAME_SIZE];
  char folder[MAPPING_NAME_MAX + 1];
};

typedef struct batch_s batch;
struct batch_s
{
  spool *s;
  unsigned int jobs;
  unsigned int pendings;
  job job[DELIVER_BATCH];
  pending pending[PENDING_MAX];
};

/* --- the log ------------------------------------------------------------------------------------- */

static void say(char const *what, char const *name, char const *address, char const *between,
                char const *detail)
{
  stralloc sa = STRALLOC_ZERO;

  if (!stralloc_cats(&sa, what) || printable(&sa, name) < 0 || !stralloc_cats(&sa, " <") ||
      printable(&sa, address) < 0 || !stralloc_cats(&sa, ">") || !stralloc_cats(&sa, between) ||
      printable(&sa, detail) < 0)
    strerr_warn(PROG, ": ", what, name);
  else
    strerr_warn(PROG, ": ", sa.s);
  stralloc_free(&sa);
}

static void postpone_recipient(job *j, recipient const *r, char const *why)
{
  j->m.envelope.s[r->mark] = DELIVER_RETRY;
  j->deferred++;
  say("deferred ", j->name, r->address, ": ", why);
}

/* A recipient that must wait: what failed, where, why. */
static void defer(batch *b, job *j, recipient const *r, char const *verb, char const *where)
{
  stralloc sa = STRALLOC_ZERO;
  char const *reason = strerror(errno);

  if (stralloc_cats(&sa, "unable to ") && stralloc_cats(&sa, verb) && stralloc_cats(&sa, b->s->mailpath) &&
      stralloc_cats(&sa, *where ? "/" : "") && stralloc_cats(&sa, where) && stralloc_cats(&sa, ": ") &&
      stralloc_cats(&sa, reason) && stralloc_0(&sa))
    postpone_recipient(j, r, sa.s);
  else
    postpone_recipient(j, r, "out of memory");
  stralloc_free(&sa);
}

/* Unknown to control files of before; those of now cannot be read, or have a mistake. */
static void doubt(job *j, recipient const *r, stralloc *why)
{
  if (stralloc_cats(why, ", by the control files of before") && stralloc_0(why))
    postpone_recipient(j, r, why->s);
  else
    postpone_recipient(j, r, "out of memory");
}

static int add_address(stralloc *sa, char const *field, char const *address, char const *end)
{
  return stralloc_cats(sa, field) && !mailbox_address(sa, address) && stralloc_cats(sa, end) ? 0 : -1;
}

static void refuse(batch *b, job *j, recipient const *r, char const *why)
{
  size_t was = j->why.len;

  if (was > WHY_MAX || (!add_address(&j->why, "X-Spool-Failed: <", r->address, ">: ") &&
                        !printable(&j->why, why) && stralloc_cats(&j->why, "\n")))
  {
    j->m.envelope.s[r->mark] = DELIVER_REFUSED;
    j->refused++;
    say("failed ", j->name, r->address, ": ", why);
    return;
  }
  j->why.len = was;
  defer(b, j, r, "note why the delivery failed below ", "");
}

/* --- writing ------------------------------------------------------------------------------------- */

static int write_file(pending const *p)
{
  stralloc sa = STRALLOC_ZERO;
  int result = -1;

  if (!add_address(&sa, "Return-Path: <", envelope_sender(p->j->m.envelope.s), ">\n") &&
      !add_address(&sa, "Delivered-To: ", p->r.address, "\n") && allwrite(p->fd, sa.s, sa.len) == sa.len)
    result = message_copy(&p->j->m, p->fd);
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

/* begun: an earlier delivery may have got as far as new/. */
static int write_pending(batch *b, pending *p, int begun)
{
  int r = 0;

  p->maildir = maildir_open(b->s->mail, p->folder);
  if (p->maildir < 0) return -1;
  if (begun) r = maildir_has(p->maildir, p->name);
  if (r) return r > 0 ? 0 : -1;
  p->fd = maildir_create(p->maildir, p->name);
  return p->fd < 0 ? -1 : write_file(p);
}

static void flush(batch *b);

static void put(batch *b, job *j, recipient const *r, unsigned int number, char const *folder, int begun)
{
  pending *p = b->pending + b->pendings;

  p->j = j;
  p->r = *r;
  p->fd = p->maildir = -1;
  p->done = 0;
  snprintf(p->name, sizeof p->name, "%s_%u.%s", j->name, number, b->s->host);
  snprintf(p->folder, sizeof p->folder, "%s", folder);
  if (write_pending(b, p, begun) < 0)
  {
    drop(p);
    if (!b->pendings || (errno != EMFILE && errno != ENFILE)) goto no;
    /* The files that wait to be synced may be what takes all the descriptors. */
    flush(b);
    put(b, j, r, number, folder, begun);
    return;
  }
  b->pendings++;
  return;
no:
  defer(b, j, r, "write to ", folder);
}

static int same_folder_synced(batch const *b, pending const *p)
{
  for (pending const *q = b->pending; q < p; q++)
    if (q->done == 2 && !strcmp(q->folder, p->folder)) return 1;
  return 0;
}

static int settle(batch const *b, pending *p)
{
  if (!p->done) return -1;
  if (!same_folder_synced(b, p) && maildir_sync(p->maildir) < 0) return -1;
  p->done = 2;
  return 0;
}

static int to_new(pending *p)
{
  if (p->fd >= 0 && (fdatasync(p->fd) < 0 || maildir_commit(p->maildir, p->name) < 0)) return -1;
  p->done = 1;
  return 0;
}

/*
 * All files' writing is begun before any is waited for, and all are in new/ before any folder is synced:
 * the file system then does with two transactions for the whole batch.
 */
static void flush(batch *b)
{
  pending *end = b->pending + b->pendings;

  for (pending *p = b->pending; p < end; p++)
    if (p->fd >= 0) sync_file_range(p->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
  for (pending *p = b->pending; p < end; p++)
    if (to_new(p) < 0) defer(b, p->j, &p->r, "write to ", p->folder);
  for (pending *p = b->pending; p < end; p++)
    if (p->done && settle(b, p) < 0) defer(b, p->j, &p->r, "sync ", p->folder);
  for (pending *p = b->pending; p < end; p++)
  {
    if (p->done == 2) say("delivered ", p->j->name, p->r.address, " to ", p->folder);
    drop(p);
  }
  b->pendings = 0;
}

/* --- recipients ---------------------------------------------------------------------------------- */

static int exists(void *data, char const *name)
{
  return maildir_exists(((spool *)data)->mail, name);
}

/*
 * A mail folder that has not even a postmaster is likely one that is not mounted: then nobody is unknown.
 */
static int has_postmaster(spool *s)
{
  stralloc folders = STRALLOC_ZERO, why = STRALLOC_ZERO;
  int r = mapping_find(&s->map, "postmaster", 10, &exists, s, &folders, &why);

  stralloc_free(&folders);
  stralloc_free(&why);
  if (!r) errno = ENXIO;
  return r > 0;
}

static void put_all(batch *b, job *j, recipient const *r, unsigned int number, stralloc const *folders)
{
  int begun = j->m.envelope.s[r->mark] == ENVELOPE_BEGUN;

  if (!begun) message_mark(&j->m, r->mark, ENVELOPE_BEGUN);
  for (size_t i = 0; i < folders->len; i += strlen(folders->s + i) + 1)
    put(b, j, r, number, folders->s + i, begun);
}

static void deliver_recipient(batch *b, job *j, recipient const *r, unsigned int number)
{
  stralloc folders = STRALLOC_ZERO, why = STRALLOC_ZERO;
  int n = message_was_at(&j->m, r->address);

  if (b->pendings + MAPPING_FOLDERS > PENDING_MAX) flush(b);
  if (n > 0)
    refuse(b, j, r, "it was delivered to this address before: a loop");
  else if (n < 0 || (n = mapping_find(&b->s->map, r->address, r->len, &exists, b->s, &folders, &why)) < 0)
    defer(b, j, r, n < 0 && errno == ENOMEM ? "remember the folders below " : "look into ", "");
  else if (n)
    put_all(b, j, r, number, &folders);
  else if (b->s->stale)
    doubt(j, r, &why);
  else if (has_postmaster(b->s) && stralloc_0(&why))
    refuse(b, j, r, why.s);
  else
    defer(b, j, r, "find even a postmaster (is it mounted?) in ", "");
  stralloc_free(&folders);
  stralloc_free(&why);
}

static void deliver_job(batch *b, job *j)
{
  size_t pos = 0;
  recipient r;

  for (unsigned int i = 0; envelope_next(j->m.envelope.s, j->m.envelope.len, &pos, &r); i++)
    if (j->m.envelope.s[r.mark] != ENVELOPE_DONE) deliver_recipient(b, j, &r, i);
}

/* --- messages ------------------------------------------------------------------------------------ */

/* What was delivered is marked so, for the next time. */
static void mark_done(message *m)
{
  size_t pos = 0;
  recipient r;

  while (envelope_next(m->envelope.s, m->envelope.len, &pos, &r))
    if (m->envelope.s[r.mark] == ENVELOPE_BEGUN) message_mark(m, r.mark, ENVELOPE_DONE);
}

static void postpone(batch *b, job *j, outcome *o)
{
  mark_done(&j->m);
  futimens(j->m.fd, 0);
  (void)b;
  o->deferred++;
}

static void finish(batch *b, job *j, outcome *o)
{
  if (!j->deferred && j->refused && failed_message(b->s, j->name, &j->m, &j->why) < 0)
  {
    strerr_warnwu5sys("write ", b->s->path, "/failed/", j->name, "");
    j->deferred = 1;
  }
  if (!j->deferred && unlinkat(b->s->todo, j->name, 0) < 0 && errno != ENOENT)
  {
    strerr_warnwu4sys("remove ", b->s->path, "/todo/", j->name);
    j->deferred = 1;
  }
  if (j->deferred)
    postpone(b, j, o);
  else
    o->gone++;
  message_close(&j->m);
  stralloc_free(&j->why);
}

static void stranger(spool const *s, char const *name, outcome *o)
{
  stralloc sa = STRALLOC_ZERO;

  if (printable(&sa, name) < 0) sa.s = 0;
  if (!failed_stranger(s, name, "not a message of spool-queue, or not all of one"))
  {
    o->gone++;
    strerr_warn(PROG, ": failed ", sa.s ? sa.s : "", ": not a message of spool-queue, or not all of one");
  }
  else
  {
    o->deferred++;
    strerr_warnwu5sys("move ", s->path, "/todo/", sa.s ? sa.s : "", " to failed/");
  }
  stralloc_free(&sa);
}

/* Room for the recipient's number and the host in a Maildir name. */
static int name_fits(char const *name)
{
  return strlen(name) < SPOOLNAME_FMT;
}

/* Returns -1 if the batch must end before this one: it holds all the descriptors that there are. */
static int begin(batch *b, char const *name, outcome *o)
{
  static message const none = MESSAGE_ZERO;
  job *j = b->job + b->jobs;

  j->m = none;
  j->name = name;
  j->deferred = j->refused = 0;
  j->why = stralloc_zero;
  errno = EPROTO;
  if (name_fits(name) && !message_open(&j->m, b->s->todo, name))
  {
    b->jobs++;
    deliver_job(b, j);
    return 0;
  }
  if (errno == ENOENT) return 0;
  if (b->jobs && (errno == EMFILE || errno == ENFILE)) return -1;
  if (errno == EPROTO)
  {
    stranger(b->s, name, o);
    return 0;
  }
  strerr_warnwu4sys("read ", b->s->path, "/todo/", name);
  utimensat(b->s->todo, name, 0, AT_SYMLINK_NOFOLLOW);
  o->deferred++;
  return 0;
}

unsigned int deliver_batch(spool *s, char const *const *names, unsigned int n, outcome *o)
{
  static batch b;
  unsigned int i = 0;

  b.s = s;
  b.jobs = b.pendings = 0;
  while (i < n && i < s->batch && !begin(&b, names[i], o)) i++;
  flush(&b);
  for (unsigned int k = 0; k < b.jobs; k++) finish(&b, b.job + k, o);
  return i;
}

#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include <runlib/spoolname.h>

#include <services/spool/forward.h>
#include <services/spool/handoff.h>
#include <services/spool/maildir.h>
#include <services/spool/notes.h>
#include <services/spool/program.h>
#include <services/spool/scan.h>

#include "deliver-internal.h"

#define WHY_MAX 65536U /* bytes of reasons that one message carries */

/* --- the log ------------------------------------------------------------------------------------- */

void deliver_say(char const *what, char const *name, char const *address, char const *between,
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
  deliver_say("deferred ", j->name, r->address, ": ", why);
}

/* A recipient that must wait: what failed, where, why. */
void deliver_defer(batch *b, job *j, recipient const *r, char const *verb, char const *where)
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

void deliver_refuse(batch *b, job *j, recipient const *r, char const *why)
{
  (void)b;
  /* Without memory, or beyond a bound, the report says that the reason was not kept. */
  if (j->why.len <= WHY_MAX) (void)note_add(&j->why, scan_now() / 1000000, NOTE_FAILED, r->address, why);
  j->m.envelope.s[r->mark] = DELIVER_REFUSED;
  j->refused++;
}

void deliver_result(batch *b, job *j, recipient const *r, int refuses, char const *why)
{
  uint64_t birth = spoolname_birth(j->name);

  if (refuses || (birth && scan_now() > birth + DELIVER_LIFETIME * (uint64_t)1000000))
    deliver_refuse(b, j, r, why);
  else
    postpone_recipient(j, r, why);
}

void deliver_taken(job *j, char const *target)
{
  put_note(j, target);
  (void)note_add(&j->taken, scan_now() / 1000000, NOTE_TAKEN, target, "has it");
}

/* --- recipients ---------------------------------------------------------------------------------- */

static int exists(void *data, char const *name)
{
  return maildir_exists(((spool *)data)->mail, name);
}

/*
 * A mail directory that has not even a postmaster is likely one that is not mounted: then nobody is unknown.
 */
static int has_postmaster(spool *s)
{
  stralloc directories = STRALLOC_ZERO, why = STRALLOC_ZERO;
  int r = mapping_find(&s->map, "postmaster", 10, &exists, s, &directories, &why);

  stralloc_free(&directories);
  stralloc_free(&why);
  if (!r) errno = ENXIO;
  return r > 0;
}

/* What is forwarded is one message for all of the recipient's addresses. */
static void put_all(batch *b, job *j, recipient const *r, unsigned int number, stralloc const *targets)
{
  int begun = j->m.envelope.s[r->mark] == ENVELOPE_BEGUN;
  stralloc away = STRALLOC_ZERO;
  size_t n;

  if (!begun) message_mark(&j->m, r->mark, ENVELOPE_BEGUN);
  for (char const *t = targets->s, *end = t + targets->len; t < end; t += n)
  {
    n = strlen(t) + 1;
    if (*t != '|' && !strchr(t, '@') && !b->s->lmtp.path)
      put_file(b, j, r, number, t, begun);
    else if (put_has(j, t))
      continue;
    else if (*t == '|')
      program_run(b, j, r, t);
    else if (!strchr(t, '@'))
      putlmtp_add(b, j, r, t);
    else if (!stralloc_catb(&away, t, n))
      deliver_defer(b, j, r, "remember the targets below ", "");
  }
  if (away.len) forward_put(b, j, r, number, &away);
  stralloc_free(&away);
}

/* What comes back to a sender that we have rewritten. Returns whether it is that. */
static int give_back(batch *b, job *j, recipient const *r, unsigned int number)
{
  stralloc to = STRALLOC_ZERO;
  int n = forward_back(b->s, r, &to);

  if (n < 0)
    deliver_defer(b, j, r, "remember the targets below ", "");
  else if (n == 2)
    deliver_refuse(b, j, r, "this address of a forwarded sender is none of ours, or too old (#5.1.1)");
  else if (n)
    put_all(b, j, r, number, &to);
  stralloc_free(&to);
  return n != 0;
}

static void deliver_recipient(batch *b, job *j, recipient const *r, unsigned int number)
{
  stralloc directories = STRALLOC_ZERO, why = STRALLOC_ZERO;
  int n = spool_history_has(&j->history, r->address);

  if (n > 0)
    deliver_refuse(b, j, r, "it was delivered to this address before: a loop (#5.4.6)");
  else if (!n && give_back(b, j, r, number))
    ;
  else if (n < 0 || (n = mapping_find(&b->s->map, r->address, r->len, &exists, b->s, &directories, &why)) < 0)
    deliver_defer(b, j, r, n < 0 && errno == ENOMEM ? "remember the directories below " : "look into ", "");
  else if (n)
    put_all(b, j, r, number, &directories);
  else if (b->s->stale)
    doubt(j, r, &why);
  else if (has_postmaster(b->s) && stralloc_0(&why))
    deliver_refuse(b, j, r, why.s);
  else
    deliver_defer(b, j, r, "find even a postmaster (is it mounted?) in ", "");
  stralloc_free(&directories);
  stralloc_free(&why);
}

/* A recipient who has the message: his Maildirs need it no more for the others. */
static void note_recipient(batch *b, job *j, recipient const *r)
{
  stralloc directories = STRALLOC_ZERO, why = STRALLOC_ZERO;

  if (mapping_find(&b->s->map, r->address, r->len, &exists, b->s, &directories, &why) > 0)
    for (size_t i = 0; i < directories.len; i += strlen(directories.s + i) + 1)
      put_note(j, directories.s + i);
  stralloc_free(&directories);
  stralloc_free(&why);
}

static void target_taken(void *data, char const *target)
{
  put_note(data, target);
}

static int was_begun(job const *j)
{
  size_t pos = 0;
  recipient r;

  while (envelope_next(j->m.envelope.s, j->m.envelope.len, &pos, &r))
    if (j->m.envelope.s[r.mark] == ENVELOPE_BEGUN) return 1;
  return 0;
}

/* What an earlier delivery got done with targets that are no Maildirs. */
static void read_taken(spool const *s, job *j)
{
  stralloc notes = STRALLOC_ZERO;

  if (notes_read(s->notes, j->name, &notes) < 0)
    strerr_warnwu4sys("read ", s->path, "/notes/", j->name);
  else
    note_each(notes.s, NOTE_TAKEN, &target_taken, j);
  j->noted = notes.len > 1;
  stralloc_free(&notes);
}

static void deliver_job(batch *b, job *j)
{
  size_t pos = 0;
  recipient r;

  if (was_begun(j)) read_taken(b->s, j);
  for (unsigned int i = 0; envelope_next(j->m.envelope.s, j->m.envelope.len, &pos, &r); i++)
    if (j->m.envelope.s[r.mark] == ENVELOPE_DONE)
      note_recipient(b, j, &r);
    else if (handoff_is_for(b->s, &j->m, &r))
      j->out = 1;
    else if (shares_gone(&b->s->shares, j->history.source))
      j->left = 1;
    else
      deliver_recipient(b, j, &r, i);
  putlmtp_flush(b, j);
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

/* Who has it by other ways than a Maildir, which tells by itself: for the next time. */
static void note_taken(spool const *s, job *j)
{
  if (j->taken.len && notes_write(s->notes, j->name, &j->taken, 1) < 0)
    strerr_warnwu4sys("write ", s->path, "/notes/", j->name);
}

static void postpone(batch const *b, job *j, outcome *o)
{
  mark_done(&j->m);
  note_taken(b->s, j);
  futimens(j->m.fd, 0);
  o->deferred++;
}

/* It stays due. */
static void leave(batch const *b, job *j, outcome *o)
{
  mark_done(&j->m);
  note_taken(b->s, j);
  o->left++;
}

static void finish(batch *b, job *j, outcome *o)
{
  if (!j->left && !j->deferred && unlinkat(b->s->todo, j->name, 0) < 0 && errno != ENOENT)
  {
    strerr_warnwu4sys("remove ", b->s->path, "/todo/", j->name);
    j->deferred = 1;
  }
  if (j->left)
    leave(b, j, o);
  else if (j->deferred)
    postpone(b, j, o);
  else
  {
    if (!j->out && j->noted) unlinkat(b->s->notes, j->name, 0);
    o->gone++;
  }
  message_close(&j->m);
  spool_history_free(&j->history);
  tdestroy(j->maildirs, &free);
  stralloc_free(&j->why);
  stralloc_free(&j->taken);
}

static void stranger(spool *s, char const *name, outcome *o)
{
  stralloc sa = STRALLOC_ZERO;

  if (printable(&sa, name) < 0) sa.s = 0;
  if (!failed_stranger(s, name, "not a message of spool-queue, or not all of one"))
  {
    o->gone++;
    s->kept.files++;
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

static int open_history(job *j)
{
  int e;

  if (!message_history(&j->m, &j->history)) return 0;
  e = errno;
  message_close(&j->m);
  spool_history_free(&j->history);
  errno = e;
  return -1;
}

/* Returns -1 if the batch must end before this one: it holds all the descriptors that there are. */
static int begin(batch *b, char const *name, outcome *o)
{
  static job const none = {
      .m = MESSAGE_ZERO, .history = HISTORY_ZERO, .why = STRALLOC_ZERO, .taken = STRALLOC_ZERO};
  job *j = b->job + b->jobs;

  *j = none;
  j->name = name;
  errno = EPROTO;
  if (name_fits(name) && !message_open(&j->m, b->s->todo, name) && !open_history(j))
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

/* What goes out has its second name, on disk, before it may lose the first. */
static void hand_off(batch *b)
{
  job *end = b->job + b->jobs;
  int any = 0, lost = 0;

  for (job *j = b->job; j < end; j++)
    if (j->out && handoff_give(b->s, j->name, j->failed) < 0)
      lost = j->deferred = 1;
    else
      any |= j->out;
  if (any && fsync(b->s->out) < 0)
    for (job *j = b->job; j < end; j++)
      if (j->out) lost = j->deferred = 1;
  if (lost) strerr_warnwusys("hand messages over in ", b->s->path, "/out");
}

unsigned int deliver_batch(spool *s, char const *const *names, unsigned int n, outcome *o)
{
  static batch b;
  unsigned int i = 0;

  b.s = s;
  b.jobs = b.pendings = 0;
  while (i < n && i < s->batch && !begin(&b, names[i], o)) i++;
  put_flush(&b);
  for (unsigned int k = 0; k < b.jobs; k++) settle_refused(s, b.job + k);
  hand_off(&b);
  for (unsigned int k = 0; k < b.jobs; k++) finish(&b, b.job + k, o);
  return i;
}

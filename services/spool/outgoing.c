#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include <runlib/envelope.h>
#include <runlib/mailbox.h>
#include <runlib/spoolname.h>

#include <services/spool/bounce.h>
#include <services/spool/handoff.h>
#include <services/spool/notes.h>
#include <services/spool/scan.h>
#include <services/spool/sender.h>

#define RELOAD 60000000U /* microseconds */

/* --- the end of a message ------------------------------------------------------------------------ */

/* A report about a report failed: it is put aside for the administrator, with the reasons. */
static int put_aside(sender *s, message *m, char const *name, char const *notes)
{
  stralloc why = STRALLOC_ZERO;
  size_t pos = 0;
  recipient r;
  int result = 0;

  while (!result && envelope_next(m->envelope.s, m->envelope.len, &pos, &r))
  {
    char const *text = "";
    size_t n;
    if (m->envelope.s[r.mark] != ENVELOPE_FAILED) continue;
    m->envelope.s[r.mark] = DELIVER_REFUSED;
    n = note_find(notes, NOTE_FAILED, r.address, &text);
    if (!stralloc_cats(&why, "X-Spool-Failed: <") || mailbox_address(&why, r.address) < 0 ||
        !stralloc_cats(&why, ">: ") || !stralloc_catb(&why, text, n) || !stralloc_cats(&why, "\n"))
      result = -1;
  }
  if (!result) result = failed_message(&s->s, name, m, &why);
  stralloc_free(&why);
  return result;
}

/* Returns 0, or -1. */
static int tell_sender(sender *s, message *m, char const *name)
{
  stralloc notes = STRALLOC_ZERO;
  uint64_t now = scan_now();
  bounce b = {.m = m, .name = name, .host = s->host, .now = now / 1000000};
  int told = -1;

  if (notes_read(s->notes, name, &notes) == 0)
  {
    b.notes = notes.s;
    told = bounce_send(&b, s->s.path);
  }
  if (told > 0)
  {
    counter_rate(s->counters + COUNT_BOUNCED_EVEN, now / 1000000, 1);
    strerr_warn(PROG, ": bounced ", name);
  }
  else if (!told && put_aside(s, m, name, notes.s) == 0)
    strerr_warn(PROG, ": put aside ", name, ": a report that its sender could not be told");
  else
  {
    told = -1;
    strerr_warnwusys("report the failure of ", name);
  }
  stralloc_free(&notes);
  return told < 0 ? -1 : 0;
}

static int end_message(sender *s, message *m, char const *name, int failed)
{
  if (failed && tell_sender(s, m, name) < 0) return -1;
  if (unlinkat(s->remote, name, 0) < 0 && errno != ENOENT)
  {
    strerr_warnwusys("remove ", s->s.path, "/remote/", name);
    return -1;
  }
  unlinkat(s->notes, name, 0);
  return 0;
}

/* --- the schedule -------------------------------------------------------------------------------- */

static uint64_t due_of(sender const *s, int fd, char const *name)
{
  uint64_t birth = spoolname_birth(name), tried;
  struct stat st;

  if (fstat(fd, &st) < 0) return 0;
  tried = (uint64_t)st.st_mtim.tv_sec * 1000000U + (uint64_t)st.st_mtim.tv_nsec / 1000U;
  return tried <= birth ? birth
                        : schedule_retry(birth, tried, s->schedule.pause, (uint32_t)st.st_mtim.tv_nsec);
}

/* Returns how many recipients wait; -1: not all have a place in the schedule. */
static int schedule_all(sender *s, message const *m, char const *name, uint64_t due, int *failed)
{
  int waiting = 0;
  size_t pos = 0;
  recipient r;

  while (envelope_next(m->envelope.s, m->envelope.len, &pos, &r))
  {
    char host[256];
    char mark = m->envelope.s[r.mark];
    *failed |= mark == ENVELOPE_FAILED;
    if (mark != ENVELOPE_REMOTE || host_of(r.address, host) < 0) continue;
    waiting++;
    if (schedule_add(&s->schedule, name, host, due) < 0) return -1;
  }
  return waiting;
}

static int add(sender *s, char const *name, uint64_t due)
{
  message m = MESSAGE_ZERO;
  int failed = 0, result = 0, waiting;

  if (message_open(&m, s->remote, name) < 0)
  {
    if (errno == ENOENT) return 0;
    strerr_warnwusys("read ", s->s.path, "/remote/", name);
    return errno == EPROTO ? 0 : -1;
  }
  waiting = schedule_all(s, &m, name, due ? due : due_of(s, m.fd, name), &failed);
  if (waiting <= 0) result = waiting < 0 ? -1 : end_message(s, &m, name, failed);
  message_close(&m);
  return result;
}

void outgoing_add(sender *s, char const *name, uint64_t due)
{
  if (add(s, name, due) < 0 && !s->reload) s->reload = scan_now() + RELOAD;
}

/* --- directories --------------------------------------------------------------------------------- */

static DIR *open_names(int directory)
{
  int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *dir = fd < 0 ? 0 : fdopendir(fd);

  if (fd >= 0 && !dir) close(fd);
  return dir;
}

/* A second name of one file stays when it is moved onto the first: it was handed over twice. */
static void take(sender *s, char const *name)
{
  if (faccessat(s->remote, name, F_OK, 0) == 0)
    unlinkat(s->out, name, 0);
  else if (renameat(s->out, name, s->remote, name) < 0)
  {
    strerr_warnwusys("move ", s->s.path, "/out/", name);
    return;
  }
  /* What was there before was moved by hand, to be tried now. */
  schedule_forget(&s->schedule, name);
  outgoing_add(s, name, scan_now());
}

void outgoing_take(sender *s)
{
  DIR *dir = open_names(s->out);
  struct dirent *d;

  if (!dir) strerr_warnwusys("read ", s->s.path, "/out");
  while (dir && !schedule_full(&s->schedule) && (d = readdir(dir)))
    if (d->d_name[0] != '.') take(s, d->d_name);
  if (dir) closedir(dir);
}

int outgoing_load(sender *s)
{
  DIR *dir = open_names(s->remote);
  struct dirent *d;

  if (!dir) return -1;
  s->reload = 0;
  while ((d = readdir(dir)))
    if (d->d_name[0] != '.') outgoing_add(s, d->d_name, 0);
  closedir(dir);
  return 0;
}

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include <runlib/envelope.h>
#include <runlib/spoolname.h>

#include <services/spool/handoff.h>
#include <services/spool/notes.h>
#include <services/spool/report.h>
#include <services/spool/scan.h>
#include <services/spool/sender.h>

#define RELOAD 60000000U /* microseconds */

/* --- the end of a message ------------------------------------------------------------------------ */

/* Who was told is marked done, as long as the message stays for a recipient here. Returns 0, or -1. */
static int tell_sender(sender *s, message *m, char const *name)
{
  stralloc notes = STRALLOC_ZERO;
  size_t pos = 0;
  recipient r;
  int told = -1;

  if (notes_read(s->notes, name, &notes) == 0) told = report_failure(&s->s, m, name, notes.s);
  if (told < 0)
    strerr_warnwusys("report the failure of ", name);
  else
    while (envelope_next(m->envelope.s, m->envelope.len, &pos, &r))
      if (m->envelope.s[r.mark] == ENVELOPE_FAILED || m->envelope.s[r.mark] == DELIVER_REFUSED)
        message_mark(m, r.mark, ENVELOPE_DONE);
  if (told > 0) counter_rate(s->counters + COUNT_BOUNCED_EVEN, scan_now() / 1000000, 1);
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

#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <ctl/live/pending.h>
#include <ctl/status/show.h>
#include <ctl/words.h>

/* What the logs cannot say any more. */
static int put_disks(stralloc *sa, bundle const *b)
{
  char const *const directories[] = {b->state, b->run, b->log};

  for (size_t i = 0; i < sizeof directories / sizeof *directories; i++)
  {
    struct statvfs fs;
    char const *what;
    if (statvfs(directories[i], &fs) < 0) continue;
    what = fs.f_flag & ST_RDONLY        ? "is read-only"
           : !fs.f_bavail               ? "is full"
           : fs.f_files && !fs.f_favail ? "has no inodes left"
                                        : 0;
    if (what && service_append(sa, "the file system of %s %s\n", directories[i], what) < 0) return -1;
  }
  return 0;
}

static int put_orphans(stralloc *sa, snapshot const *s)
{
  service_fields const *f = snapshot_services(s);

  for (size_t n = snapshot_count(s); n; n--, f++)
    if (f->orphan.known == KNOWN &&
        service_append(sa, "%s: an orphan runs outside supervision, pid %llu: `mailctl up` ends it\n", f->id,
                       (unsigned long long)f->orphan.n) < 0)
      return -1;
  return 0;
}

static int put_pending(stralloc *sa, bundle const *b)
{
  char when[WORDS_MAX];
  pending p;

  if (pending_read(&p, b->state) < 0) return 0;
  words_time(when, &p.deadline);
  when[strcspn(when, ".")] = 0;
  return service_append(
      sa, "what runs is to be confirmed by %s, by `mailctl confirm`; or generation %u is back\n", when,
      p.back);
}

int show_notes(stralloc *sa, snapshot const *s, stored const *st)
{
  if (s->running && s->alone &&
      service_append(
          sa, "the supervisor was killed, and what it ran runs on: `mailctl up` puts it under a new one\n") <
          0)
    return -1;
  if (s->moved &&
      service_append(sa, "the bundle was moved here while it ran, and its services still use the old place: "
                         "`mailctl up` restarts them in the new one\n") < 0)
    return -1;
  if (st->broken &&
      service_append(sa,
                     access(st->b.file, F_OK) < 0
                         ? "%s is not there; what it said when it was brought up last is what runs\n"
                         : "%s has mistakes, and is not what runs: `mailctl check` shows them\n",
                     st->b.file) < 0)
    return -1;
  return put_pending(sa, &st->b) < 0 || put_orphans(sa, s) < 0 ? -1 : put_disks(sa, &st->b);
}

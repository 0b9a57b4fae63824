#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <runlib/spoolname.h>

#include <services/spool/handoff.h>
#include <services/spool/manage.h>
#include <services/spool/notes.h>

char const *const place_directories[PLACES] = {"todo", "out", "remote", "held", "failed"};
char const *const place_states[PLACES] = {"local", "remote", "remote", "held", "failed"};

/* --- which --------------------------------------------------------------------------------------- */

int recipient_waits(char mark)
{
  return mark != ENVELOPE_DONE && mark != ENVELOPE_FAILED;
}

static int matches_id(char const *const *ids, char const *name)
{
  size_t n = strlen(name);

  for (; *ids; ids++)
  {
    size_t len = strlen(*ids);
    if (len <= n && !strcmp(name + n - len, *ids)) return 1;
  }
  return 0;
}

static int matches_recipient(filter const *f, message const *m)
{
  char host[256];
  size_t pos = 0;
  recipient r;

  while (envelope_next(m->envelope.s, m->envelope.len, &pos, &r))
    if (recipient_waits(m->envelope.s[r.mark]) &&
        (!f->recipient || !fnmatch(f->recipient, r.address, FNM_CASEFOLD)) &&
        (!f->host || (!host_of(r.address, host) && !fnmatch(f->host, host, FNM_CASEFOLD))))
      return 1;
  return 0;
}

int filter_matches(filter const *f, entry const *e)
{
  if (f->ids && !matches_id(f->ids, e->name)) return 0;
  if (f->state && strcmp(f->state, place_states[e->place])) return 0;
  if (f->older && e->age < f->older) return 0;
  if (f->sender && fnmatch(f->sender, envelope_sender(e->m->envelope.s), FNM_CASEFOLD)) return 0;
  return (!f->recipient && !f->host) || matches_recipient(f, e->m);
}

/* --- the spool ----------------------------------------------------------------------------------- */

int manager_open(manager *m, char const *path)
{
  int at = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (at < 0) return -1;
  m->path = path;
  if (mkdirat(at, place_directories[PLACE_HELD], 0700) < 0 && errno != EEXIST) return -1;
  for (unsigned int i = 0; i < PLACES; i++)
  {
    m->directory[i] = openat(at, place_directories[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (m->directory[i] < 0 && errno != ENOENT) return -1;
  }
  m->notes = openat(at, "notes", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  close(at);
  return 0;
}

/* The names first: f moves them. */
static int read_names(int directory, stralloc *names)
{
  int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *dir = fd < 0 ? 0 : fdopendir(fd);
  struct dirent *d;
  int result = 0;

  if (!dir) return -1;
  while (!result && (d = readdir(dir)))
    if (d->d_name[0] != '.' && !stralloc_catb(names, d->d_name, strlen(d->d_name) + 1)) result = -1;
  closedir(dir);
  return result;
}

/* Returns 1, 0: it is not meant, or -1. What is gone meanwhile, or is no message, is not meant. */
static int visit(manager *m, place_of place, char const *name, each_entry *f, void *data)
{
  message x = MESSAGE_ZERO;
  uint64_t now = (uint64_t)time(0), birth = spoolname_birth(name) / 1000000;
  entry e = {.place = place, .name = name, .age = birth && now > birth ? now - birth : 0, .m = &x};
  int result = 0;

  if (m->filter.ids && !matches_id(m->filter.ids, name)) return 0;
  if (message_open(&x, m->directory[place], name) < 0) return 0;
  if (filter_matches(&m->filter, &e)) result = f(m, &e, data) < 0 ? -1 : 1;
  message_close(&x);
  return result;
}

int manager_walk(manager *m, each_entry *f, void *data)
{
  stralloc names = STRALLOC_ZERO;
  int count = 0;

  for (unsigned int i = 0; i < PLACES && count >= 0; i++)
  {
    names.len = 0;
    if (m->directory[i] < 0) continue;
    if (read_names(m->directory[i], &names) < 0) count = -1;
    for (size_t k = 0; k < names.len && count >= 0; k += strlen(names.s + k) + 1)
    {
      int n = visit(m, (place_of)i, names.s + k, f, data);
      count = n < 0 ? -1 : count + n;
    }
  }
  stralloc_free(&names);
  return count;
}

/* --- what can be done ---------------------------------------------------------------------------- */

/* Returns 1; or 0 where it has just gone on by itself. */
static int move(manager *m, entry const *e, place_of to)
{
  if (m->directory[to] < 0) return (errno = ENOENT, -1);
  if (renameat(m->directory[e->place], e->name, m->directory[to], e->name) < 0)
    return errno == ENOENT ? 0 : -1;
  return fsync(m->directory[to]) < 0 ? -1 : 1;
}

static int goes_out(entry const *e)
{
  return e->place == PLACE_OUT || e->place == PLACE_REMOTE;
}

int manage_retry(manager *m, entry *e, void *data)
{
  (void)data;
  if (e->place == PLACE_FAILED) return move(m, e, PLACE_LOCAL);
  return e->place == PLACE_REMOTE ? move(m, e, PLACE_OUT) : e->place == PLACE_OUT;
}

int manage_hold(manager *m, entry *e, void *data)
{
  (void)data;
  return goes_out(e) ? move(m, e, PLACE_HELD) : 0;
}

/* Held since it came: nobody has looked where its recipients are. */
static int is_untried(entry const *e)
{
  size_t pos = 0;
  recipient r;

  while (envelope_next(e->m->envelope.s, e->m->envelope.len, &pos, &r))
    if (e->m->envelope.s[r.mark] == ENVELOPE_TODO) return 1;
  return 0;
}

int manage_release(manager *m, entry *e, void *data)
{
  (void)data;
  return e->place == PLACE_HELD ? move(m, e, is_untried(e) ? PLACE_LOCAL : PLACE_OUT) : 0;
}

/* In held/ nobody else works on a recipient, be he here or elsewhere. */
static int waits_here(char mark)
{
  return mark == ENVELOPE_REMOTE || mark == ENVELOPE_TODO;
}

/* It is out of the schedule before its marks change, and back in it as one that nobody is left for. */
int manage_bounce(manager *m, entry *e, void *data)
{
  stralloc notes = STRALLOC_ZERO;
  size_t pos = 0;
  recipient r;
  int result = 1;

  (void)data;
  if (goes_out(e)) result = move(m, e, PLACE_HELD);
  if (result <= 0 || (!goes_out(e) && e->place != PLACE_HELD)) return result < 0 ? -1 : 0;
  e->place = PLACE_HELD;
  while (result > 0 && envelope_next(e->m->envelope.s, e->m->envelope.len, &pos, &r))
    if (waits_here(e->m->envelope.s[r.mark]) && note_add(&notes, (uint64_t)time(0), NOTE_FAILED, r.address,
                                                         "given up by the administrator (#5.0.0)") < 0)
      result = -1;
  if (result > 0 && notes_write(m->notes, e->name, &notes, 1) < 0) result = -1;
  for (pos = 0; result > 0 && envelope_next(e->m->envelope.s, e->m->envelope.len, &pos, &r);)
    if (waits_here(e->m->envelope.s[r.mark])) message_mark(e->m, r.mark, ENVELOPE_FAILED);
  stralloc_free(&notes);
  return result < 0 ? -1 : move(m, e, PLACE_OUT);
}

/* A message that is local, too, stays so. */
int manage_drop(manager *m, entry *e, void *data)
{
  (void)data;
  if (e->place == PLACE_LOCAL) return 0;
  if (unlinkat(m->directory[e->place], e->name, 0) < 0) return errno == ENOENT ? 0 : -1;
  unlinkat(m->notes, e->name, 0);
  return 1;
}

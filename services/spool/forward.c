#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>

#include <runlib/mailbox.h>
#include <runlib/siphash.h>
#include <runlib/spoolname.h>

#include <services/spool/forward.h>
#include <services/spool/handoff.h>
#include <services/spool/scan.h>

/* --- the key ----------------------------------------------------------------------------------------- */

#define KEY "srs.key"

static int read_key(int at, unsigned char key[SRS_KEY])
{
  int fd = openat(at, KEY, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  size_t n;

  if (fd < 0) return -1;
  n = allread(fd, (char *)key, SRS_KEY);
  fd_close(fd);
  return n == SRS_KEY ? 0 : (errno = EINVAL, -1);
}

/* Whole or not at all. */
static int make_key(int at)
{
  unsigned char key[SRS_KEY];
  int fd = openat(at, "tmp/" KEY, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  int done = fd >= 0 && getrandom(key, sizeof key, 0) == sizeof key &&
             allwrite(fd, (char const *)key, sizeof key) == sizeof key && fsync(fd) == 0;

  if (fd >= 0) fd_close(fd);
  return done ? renameat(at, "tmp/" KEY, at, KEY) : -1;
}

int forward_open(spool *s)
{
  int at = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int result;

  if (at < 0) return -1;
  result = read_key(at, s->key);
  if (result < 0 && errno == ENOENT) result = make_key(at) < 0 ? -1 : read_key(at, s->key);
  fd_close(at);
  return result;
}

/* --- the message ------------------------------------------------------------------------------------- */

/* Of the recipient's domain; one without a domain is ours. */
static char const *domain_of(spool const *s, char const *address)
{
  char const *at = strrchr(address, '@');
  return at && at[1] ? at + 1 : s->host;
}

/* A sender at one of our domains stays: its SPF names us. */
static int add_sender(spool const *s, stralloc *sa, char const *sender, char const *to)
{
  char host[256];

  if (!*sender || !strcmp(sender, "#@[]") || host_of(sender, host) < 0 || mapping_local(&s->map, host))
    return stralloc_cats(sa, sender) ? 0 : -1;
  return srs_forward(sa, s->key, scan_now() / 1000000, sender, domain_of(s, to));
}

static int add_envelope(spool const *s, job const *j, recipient const *r, stralloc const *to, stralloc *sa)
{
  if (!stralloc_cats(sa, "F") || add_sender(s, sa, envelope_sender(j->m.envelope.s), r->address) < 0 ||
      !stralloc_0(sa))
    return -1;
  for (size_t i = 0; i < to->len; i += strlen(to->s + i) + 1)
    if (!stralloc_cats(sa, "T") || !stralloc_catb(sa, to->s + i, strlen(to->s + i) + 1)) return -1;
  return stralloc_0(sa) ? 0 : -1;
}

static int write_message(int fd, spool const *s, job const *j, recipient const *r, stralloc const *to)
{
  stralloc head = STRALLOC_ZERO, end = STRALLOC_ZERO;
  char trailer[ENVELOPE_TRAILER];
  int result = -1;

  if (stralloc_cats(&head, "Delivered-To: ") && !mailbox_address(&head, r->address) &&
      stralloc_cats(&head, "\n") && add_envelope(s, j, r, to, &end) == 0)
  {
    envelope_trailer_fmt(trailer, head.len + j->m.len);
    if (stralloc_catb(&end, trailer, sizeof trailer) && allwrite(fd, head.s, head.len) == head.len &&
        !message_copy(&j->m, fd) && allwrite(fd, end.s, end.len) == end.len)
      result = 0;
  }
  stralloc_free(&head);
  stralloc_free(&end);
  return result;
}

/* --- queueing ---------------------------------------------------------------------------------------- */

/* As old as the message that it comes from, so that it is tried no longer. */
static void name_of(char name[SPOOLNAME_FMT], job const *j, unsigned int number, struct timespec *birth)
{
  static unsigned char const key[SIPHASH_KEY] = "forward";
  uint64_t micros = spoolname_birth(j->name);

  if (!micros) micros = scan_now(); /* an administrator's own name: twice is two messages */
  birth->tv_sec = (time_t)(micros / 1000000);
  birth->tv_nsec = (long)(micros % 1000000 * 1000);
  spoolname_fmt(name, birth, number, siphash13(key, number, j->name, strlen(j->name)));
}

static int queued(spool const *s, char const *name)
{
  int const at[] = {s->todo, s->out, s->remote};

  for (unsigned int i = 0; i < 3; i++)
    if (faccessat(at[i], name, F_OK, 0) == 0) return 1;
  return 0;
}

static int put(spool const *s, job const *j, recipient const *r, char const *name,
               struct timespec const *birth, stralloc const *to)
{
  struct timespec const times[2] = {*birth, *birth};
  int fd, result;

  unlinkat(s->tmp, name, 0);
  fd = openat(s->tmp, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return -1;
  result = write_message(fd, s, j, r, to) == 0 && futimens(fd, times) == 0 && fdatasync(fd) == 0 &&
                   renameat(s->tmp, name, s->todo, name) == 0 && fsync(s->todo) == 0
               ? 0
               : -1;
  int e = errno;
  fd_close(fd);
  if (result < 0) unlinkat(s->tmp, name, 0);
  errno = e;
  return result;
}

void forward_put(batch *b, job *j, recipient const *r, unsigned int number, stralloc const *to)
{
  struct timespec birth;
  char name[SPOOLNAME_FMT];

  name_of(name, j, number, &birth);
  if (!queued(b->s, name) && put(b->s, j, r, name, &birth, to) < 0)
  {
    deliver_defer(b, j, r, "forward from ", "");
    return;
  }
  for (size_t i = 0; i < to->len; i += strlen(to->s + i) + 1)
  {
    put_note(j, to->s + i);
    deliver_say("forwarded ", j->name, r->address, " to ", to->s + i);
  }
}

int forward_back(spool const *s, recipient const *r, stralloc *to)
{
  char const *at = strrchr(r->address, '@');
  char host[256];
  int found;

  if (!s->out || !at || !srs_is(r->address) || host_of(r->address, host) < 0 || !mapping_local(&s->map, host))
    return 0;
  found = srs_reverse(to, s->key, scan_now() / 1000000, r->address, (size_t)(at - r->address));
  if (found <= 0) return found < 0 ? -1 : 2;
  return stralloc_0(to) ? 1 : -1;
}

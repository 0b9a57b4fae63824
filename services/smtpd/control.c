#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/cdb.h>
#include <skalibs/djbunix.h>
#include <skalibs/types.h>

#include "control.h"

#define CONTROL_MAX (64ul << 20)

/* Where control_load writes down what it reads. */
static control *noting;

static void stamp_set(stamp *x, char const *name, struct stat const *st)
{
  static stamp const none = {.name = 0};

  *x = none;
  x->name = name;
  if (!st) return;
  x->dev = st->st_dev;
  x->ino = st->st_ino;
  x->size = st->st_size;
  x->written = st->st_mtim;
  x->changed = st->st_ctim;
}

/* fd -1: there is no such file. */
static void note(char const *name, int fd)
{
  struct stat st;

  if (noting && noting->files < CONTROL_FILES)
    stamp_set(noting->stamps + noting->files++, name, fd >= 0 && fstat(fd, &st) == 0 ? &st : 0);
}

/* Appends the whole file, and a NUL that len does not count. Returns 1, 0 if it does not exist, or -1. */
static int read_whole(stralloc *sa, char const *name)
{
  int fd = open(name, O_RDONLY | O_CLOEXEC);
  ssize_t r;

  note(name, fd);
  if (fd < 0) return errno == ENOENT ? 0 : -1;
  do
  {
    if (!stralloc_readyplus(sa, sa->a - sa->len > 512 ? 512 : 1024)) goto error;
    r = fd_read(fd, sa->s + sa->len, sa->a - sa->len - 1);
    if (r < 0) goto error;
    sa->len += (size_t)r;
    if (sa->len > CONTROL_MAX)
    {
      errno = EFBIG;
      goto error;
    }
  } while (r);
  sa->s[sa->len] = 0;
  fd_close(fd);
  return 1;
error:
  fd_close(fd);
  return -1;
}

static size_t chomped(char const *s, size_t len)
{
  while (len && (s[len - 1] == ' ' || s[len - 1] == '\t' || s[len - 1] == '\n')) len--;
  return len;
}

/* The first line of the file. Returns as read_whole. */
static int line(stralloc *sa, char const *name)
{
  int r = read_whole(sa, name);

  if (r <= 0) return r;
  sa->len = chomped(sa->s, strcspn(sa->s, "\n"));
  sa->s[sa->len] = 0;
  return 1;
}

static int number(uint64_t *n, char const *name)
{
  stralloc sa = STRALLOC_ZERO;
  int r = line(&sa, name);

  if (r == 1) uint64_scan(sa.s, n);
  stralloc_free(&sa);
  return r;
}

int control_list(stralloc *sa, char const *name)
{
  size_t from = 0, to = 0, end;
  int r = read_whole(sa, name);

  if (r <= 0) return r;
  end = sa->len;
  while (from < end)
  {
    char const *newline = memchr(sa->s + from, '\n', end - from);
    size_t len = newline ? (size_t)(newline - sa->s) - from : end - from;
    size_t n = chomped(sa->s + from, len);
    if (n && sa->s[from] && sa->s[from] != '#')
    {
      memmove(sa->s + to, sa->s + from, n);
      to += n;
      sa->s[to++] = 0;
    }
    from += len + 1;
  }
  sa->len = to;
  return 1;
}

static int or_me(control *c, stralloc *sa, char const *name)
{
  int r = line(sa, name);

  if (r) return r;
  if (!stralloc_catb(sa, c->me.s, c->me.len + 1)) return -1;
  sa->len--;
  return 1;
}

static int load_lines(control *c, char const **file)
{
  uint64_t timeout = c->timeout;
  int r = line(&c->me, *file = "control/me");

  if (!r || (r == 1 && !c->me.len)) errno = ENOENT;
  if (r <= 0 || !c->me.len) return -1;
  if (or_me(c, &c->greeting, *file = "control/smtpgreeting") < 0) return -1;
  if (or_me(c, &c->localiphost, *file = "control/localiphost") < 0) return -1;
  if (or_me(c, &c->defaultdomain, *file = "control/defaultdomain") < 0) return -1;
  if (number(&c->databytes, *file = "control/databytes") < 0) return -1;
  if (number(&timeout, *file = "control/timeoutsmtpd") < 0) return -1;
  c->timeout = timeout > 86400 ? 86400 : timeout ? (unsigned int)timeout : 1;
  return 0;
}

static int load(control *c, char const *plugins, char const **file)
{
  if (load_lines(c, file) < 0) return -1;
  if (control_list(&c->rcpthosts, *file = "control/rcpthosts") < 0) return -1;
  if (control_list(&c->badmailfrom, *file = "control/badmailfrom") < 0) return -1;
  if (control_list(&c->badrcptto, *file = "control/badrcptto") < 0) return -1;
  if (control_list(&c->senders, *file = "control/senders") < 0) return -1;
  *file = plugins;
  return plugins && control_list(&c->plugins, plugins) < 0 ? -1 : 0;
}

int control_load(control *c, char const *plugins, char const **file)
{
  int result, e;

  c->files = 0;
  clock_gettime(CLOCK_REALTIME_COARSE, &c->read);
  noting = c;
  result = load(c, plugins, file);
  e = errno;
  noting = 0;
  errno = e;
  return result;
}

/* Two changes within one tick of the clock of files look like one: what was so young when it was read is read again. */
static int is_young(control const *c, struct timespec const *changed)
{
  return (c->read.tv_sec - changed->tv_sec) * 1000 + (c->read.tv_nsec - changed->tv_nsec) / 1000000 < 50;
}

int control_is_fresh(control const *c)
{
  struct stat st;
  stamp now;

  for (unsigned int i = 0; i < c->files; i++)
  {
    stamp const *then = c->stamps + i;
    stamp_set(&now, then->name, stat(then->name, &st) == 0 ? &st : 0);
    if (now.ino != then->ino || now.dev != then->dev || now.size != then->size ||
        memcmp(&now.written, &then->written, sizeof now.written) ||
        memcmp(&now.changed, &then->changed, sizeof now.changed) || (now.ino && is_young(c, &now.changed)))
      return 0;
  }
  return c->files != 0;
}

void control_free(control *c)
{
  stralloc_free(&c->me);
  stralloc_free(&c->greeting);
  stralloc_free(&c->localiphost);
  stralloc_free(&c->defaultdomain);
  stralloc_free(&c->rcpthosts);
  stralloc_free(&c->badmailfrom);
  stralloc_free(&c->badrcptto);
  stralloc_free(&c->senders);
  stralloc_free(&c->plugins);
  c->files = 0;
}

int control_has(stralloc const *entries, char const *word, size_t len)
{
  for (size_t i = 0, n; i < entries->len; i += n + 1)
  {
    n = strlen(entries->s + i);
    if (n == len && !strncasecmp(entries->s + i, word, len)) return 1;
  }
  return 0;
}

int control_has_address(stralloc const *entries, char const *address)
{
  char const *at;

  if (!entries->len) return 0;
  if (control_has(entries, address, strlen(address))) return 1;
  at = strrchr(address, '@');
  return at && control_has(entries, at, strlen(at));
}

/* As the patch of that name has it, but for extensions, which only the mail system itself knows. */
int control_validrcptto(validrcptto *v, char const *address)
{
  char text[1024];
  char const *at;
  size_t len = strlen(address);
  cdb c = CDB_ZERO;
  cdb_data data;
  int found;

  if (!strncasecmp(address, "postmaster@", 11)) return 1;
  if (!v->state)
  {
    found = control_list(&v->list, "control/validrcptto");
    v->state = found > 0 ? 1 : found ? -1 : 2;
  }
  if (v->state < 0 || len >= sizeof text) return -1;
  for (size_t i = 0; i <= len; i++)
    text[i] = address[i] >= 'A' && address[i] <= 'Z' ? (char)(address[i] + 32) : address[i];
  if (control_has_address(&v->list, text)) return 1;
  if (!cdb_init(&c, "control/validrcptto.cdb")) return errno == ENOENT && v->state == 1 ? 0 : -1;
  found = cdb_find(&c, &data, text, (uint32_t)len);
  at = strrchr(text, '@');
  if (!found && at) found = cdb_find(&c, &data, at, (uint32_t)strlen(at));
  cdb_free(&c);
  return found;
}

/* Looks host and each .suffix of it up in morercpthosts.cdb, whose keys are in lower case. */
static int in_cdb(char const *host, size_t len)
{
  cdb c = CDB_ZERO;
  cdb_data data;
  int found = 0;

  if (!cdb_init(&c, "control/morercpthosts.cdb")) return errno == ENOENT ? 0 : -1;
  for (size_t i = 0; i < len && !found; i++)
    if (!i || host[i] == '.') found = cdb_find(&c, &data, host + i, (uint32_t)(len - i));
  cdb_free(&c);
  if (found < 0) errno = EILSEQ;
  return found;
}

int control_accepts(control const *c, char const *address)
{
  char host[1024];
  char const *at = strrchr(address, '@');
  size_t len;

  if (!at) return 1;
  len = strlen(++at);
  if (len >= sizeof host) return 0;
  for (size_t i = 0; i <= len; i++) host[i] = at[i] >= 'A' && at[i] <= 'Z' ? (char)(at[i] + 32) : at[i];
  if (!c->rcpthosts.s && !strcasecmp(host, c->me.s)) return 1;
  for (size_t i = 0; i < len; i++)
    if ((!i || host[i] == '.') && control_has(&c->rcpthosts, host + i, len - i)) return 1;
  return in_cdb(host, len);
}

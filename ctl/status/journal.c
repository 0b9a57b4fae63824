#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/tail.h>
#include <runlib/walk.h>
#include <runlib/journal.h>

#include <ctl/status/snapshot-internal.h>
#include <ctl/words.h>

#define TAIL 65536 /* bytes that are read first: enough for an hour, unless something dies all the time */

typedef struct reader_s reader;
struct reader_s
{
  snapshot *s;
  char hour_ago[TIMESTAMP + 1];
};

/* --- lines --------------------------------------------------------------------------------------- */

static service_fields *find(snapshot *s, char const *name, size_t len)
{
  service_fields *f = snapshot_services(s);

  for (size_t n = snapshot_count(s); n; n--, f++)
    if (!strncmp(f->id, name, len) && !f->id[len]) return f;
  return 0;
}

/* `exit CODE lived MS` or `signal NUMBER lived MS` */
static int take_end(reader *r, service_fields *f, char const *how)
{
  char words[WORDS_MAX];
  unsigned int n;

  if (sscanf(how, "exit %u lived", &n) == 1 && n < 256)
    words_exit(words, (int)(n << 8));
  else if (sscanf(how, "signal %u lived", &n) == 1 && n && n < 127)
    words_exit(words, (int)n);
  else
    return 0;
  if (f->last_exit.known == KNOWN && !strcmp(f->last_exit.text, words)) return 0;
  return snapshot_words(&f->last_exit, r->s, words);
}

/* `@... death|stop NAME HOW`; the line ends with a NUL. */
static int take_line(reader *r, char const *line, size_t len)
{
  char const *kind = line + TIMESTAMP + 1;
  int death;
  char const *name;
  char const *blank;
  service_fields *f;

  if (len < TIMESTAMP + 8 || line[0] != '@' || line[TIMESTAMP] != ' ') return 0;
  death = !strncmp(kind, "death ", 6);
  if (!death && strncmp(kind, "stop ", 5)) return 0;
  name = kind + (death ? 6 : 5);
  blank = strchr(name, ' ');
  f = blank ? find(r->s, name, (size_t)(blank - name)) : 0;
  if (!f) return 0;
  if (death && memcmp(line, r->hour_ago, TIMESTAMP) >= 0) f->restarts.n++;
  return take_end(r, f, blank + 1);
}

static int take_lines(reader *r, char *s, size_t len)
{
  char *next;
  int result = 0;

  s[len] = 0;
  for (char *end = s + len; !result && s < end && (next = memchr(s, '\n', (size_t)(end - s))); s = next + 1)
  {
    *next = 0;
    result = take_line(r, s, (size_t)(next - s));
  }
  return result;
}

/* --- files --------------------------------------------------------------------------------------- */

static int read_tail(stralloc *sa, char const *file, size_t max, int *whole)
{
  int fd = walk_open(AT_FDCWD, file, O_RDONLY, 0);
  off_t from = 0;
  int result;

  if (fd < 0) return -1;
  sa->len = 0;
  result = tail_read(sa, fd, max, &from);
  *whole = !from;
  int e = errno;
  fd_close(fd);
  errno = e;
  return result;
}

static int begins_later(reader const *r, stralloc const *sa)
{
  return sa->len < TIMESTAMP || memcmp(sa->s, r->hour_ago, TIMESTAMP) > 0;
}

static void set_restarts(snapshot *s, known k)
{
  service_fields *f = snapshot_services(s);

  for (size_t n = snapshot_count(s); n; n--, f++)
  {
    f->restarts.known = k;
    f->restarts.n = 0;
  }
}

int snapshot_take_journal(snapshot *s, stored const *st)
{
  reader r = {.s = s};
  stralloc file = STRALLOC_ZERO;
  stralloc now = STRALLOC_ZERO;
  stralloc old = STRALLOC_ZERO;
  tain hour = {.sec = {.x = 3600}, .nano = 0};
  int whole = 1;
  int bad = 0;
  int result = -1;

  tain_sub(&hour, &s->now, &hour);
  timestamp_fmt(r.hour_ago, &hour);
  if (service_append(&file, "%s/journal", st->b.state) < 0 || !stralloc_0(&file)) goto end;
  if (read_tail(&now, file.s, TAIL, &whole) < 0) bad = errno != ENOENT;
  if (!bad && !whole && begins_later(&r, &now)) bad = read_tail(&now, file.s, 2 * JOURNAL_SIZE, &whole) < 0;
  file.len--;
  if (!bad && whole && begins_later(&r, &now) && service_append(&file, ".old") >= 0 && stralloc_0(&file) &&
      read_tail(&old, file.s, 2 * JOURNAL_SIZE, &whole) < 0)
    bad = errno != ENOENT;
  set_restarts(s, bad ? UNKNOWN : KNOWN);
  if (bad || ((!old.len || take_lines(&r, old.s, old.len) >= 0) &&
              (!now.len || take_lines(&r, now.s, now.len) >= 0)))
    result = 0;
end:
  stralloc_free(&file);
  stralloc_free(&now);
  stralloc_free(&old);
  return result;
}

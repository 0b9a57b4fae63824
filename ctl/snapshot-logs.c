#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/stralloc.h>

#include <ctl/snapshot-internal.h>

#define TAIL 4096 /* bytes of each log that are looked at */

/*
 * Whether a line, behind its stamp, is a warning. `NAME: pid PID ...` is of one session, and holds what a client
 * sent: none of these is.
 */
static int is_warning(char const *s, size_t len)
{
  static char const *const words[] = {"warning: ", "fatal: ", "error: ", "WARNING", "ERROR"};
  char const *colon = memchr(s, ':', len);

  if (colon && (size_t)(colon - s) + 6 < len && !memcmp(colon, ": pid ", 6)) return 0;
  if (len > 80) len = 80;
  for (unsigned int i = 0; i < sizeof words / sizeof words[0]; i++)
    if (memmem(s, len, words[i], strlen(words[i]))) return 1;
  return 0;
}

/* Puts it among the newest. 0, or -1 and ENOMEM. */
static int add(snapshot *s, tain const *time, char const *name, char const *text, size_t len)
{
  unsigned int i = s->nwarnings;
  warning_facts w = {.time = *time, .service = name};

  while (i && tain_less(&s->warnings[i - 1].time, time)) i--;
  if (i == WARNINGS_SHOWN) return 0;
  w.text = snapshot_keep(s, text, len);
  if (!w.text) return -1;
  if (s->nwarnings < WARNINGS_SHOWN) s->nwarnings++;
  memmove(s->warnings + i + 1, s->warnings + i, (s->nwarnings - 1 - i) * sizeof w);
  s->warnings[i] = w;
  return 0;
}

static int take_lines(snapshot *s, char const *name, char const *text, size_t len, char const *first)
{
  char const *end;

  for (; (end = memchr(text, '\n', len)); len -= (size_t)(end + 1 - text), text = end + 1)
  {
    char stamp[TIMESTAMP + 1];
    tain t;
    size_t n = (size_t)(end - text);
    if (n <= TIMESTAMP + 1 || memcmp(text, first, TIMESTAMP) < 0) continue;
    if (!is_warning(text + TIMESTAMP + 1, n - TIMESTAMP - 1)) continue;
    memcpy(stamp, text, TIMESTAMP);
    stamp[TIMESTAMP] = 0;
    if (timestamp_scan(stamp, &t) != TIMESTAMP) continue;
    if (add(s, &t, name, text + TIMESTAMP + 1, n - TIMESTAMP - 1) < 0) return -1;
  }
  return 0;
}

/* The first line may lack its beginning; then it has no stamp, and is passed over. */
static int take_log(snapshot *s, char const *path, char const *name, char const *first)
{
  int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  char buf[TAIL];
  struct stat st;
  ssize_t n = -1;

  if (fd < 0) return 0;
  if (!fstat(fd, &st) && S_ISREG(st.st_mode))
    n = pread(fd, buf, sizeof buf, st.st_size > TAIL ? st.st_size - TAIL : 0);
  fd_close(fd);
  return n > 0 ? take_lines(s, name, buf, (size_t)n, first) : 0;
}

int snapshot_take_logs(snapshot *s, stored const *st)
{
  service_facts const *f = snapshot_services(s);
  stralloc path = STRALLOC_ZERO;
  char first[TIMESTAMP + 1];
  tain day = {.sec = {.x = 86400}, .nano = 0};
  int result = 0;

  tain_sub(&day, &s->now, &day);
  timestamp_fmt(first, &day);
  for (size_t i = 0; i <= snapshot_count(s) && !result; i++)
  {
    char const *name = i < snapshot_count(s) ? f[i].id : "supervisor";
    path.len = 0;
    if (service_append(&path, "%s/%s/current", st->b.log, name) < 0 || !stralloc_0(&path))
      result = -1;
    else
      result = take_log(s, path.s, name, first);
  }
  stralloc_free(&path);
  return result;
}

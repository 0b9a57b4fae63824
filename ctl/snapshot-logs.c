#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

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

/*
 * What is empty, or was not written to in that time, is not even opened. The first line may lack its
 * beginning; then it has no stamp, and is passed over.
 */
static int take_log(snapshot *s, int logs, char const *name, char const *first, time_t since)
{
  char path[256];
  char buf[TAIL];
  struct stat st;
  ssize_t n;
  int fd;

  if ((size_t)snprintf(path, sizeof path, "%s/current", name) >= sizeof path ||
      fstatat(logs, path, &st, 0) < 0 || !S_ISREG(st.st_mode) || !st.st_size || st.st_mtime < since)
    return 0;
  fd = openat(logs, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return 0;
  n = pread(fd, buf, sizeof buf, st.st_size > TAIL ? st.st_size - TAIL : 0);
  fd_close(fd);
  return n > 0 ? take_lines(s, name, buf, (size_t)n, first) : 0;
}

int snapshot_take_logs(snapshot *s, stored const *st)
{
  service_facts const *f = snapshot_services(s);
  char first[TIMESTAMP + 1];
  tain day = {.sec = {.x = 86400}, .nano = 0};
  struct timespec since = {.tv_sec = 0};
  int logs = open(st->b.log, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int result = 0;

  if (logs < 0) return 0;
  tain_sub(&day, &s->now, &day);
  timestamp_fmt(first, &day);
  (void)timespec_sysclock_from_tain(&since, &day);
  for (size_t i = 0; i <= snapshot_count(s) && !result; i++)
    result = take_log(s, logs, i < snapshot_count(s) ? f[i].id : "supervisor", first, since.tv_sec);
  fd_close(logs);
  return result;
}

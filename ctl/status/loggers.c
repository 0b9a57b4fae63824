#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/walk.h>
#include <runlib/deaths.h>

#include <ctl/status/snapshot-internal.h>

#define TAIL 4096 /* bytes of each log that are looked at */

typedef struct reader_s reader;
struct reader_s
{
  snapshot *s;
  stored const *st;
  char day_ago[TIMESTAMP + 1]; /* nothing older is told */
  time_t since;                /* the same */
};

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
  warning_fields w = {.time = *time, .service = name};

  while (i && tain_less(&s->warnings[i - 1].time, time)) i--;
  if (i == WARNINGS_SHOWN) return 0;
  w.text = snapshot_keep(s, text, len);
  if (!w.text) return -1;
  if (s->nwarnings < WARNINGS_SHOWN) s->nwarnings++;
  memmove(s->warnings + i + 1, s->warnings + i, (s->nwarnings - 1 - i) * sizeof w);
  s->warnings[i] = w;
  return 0;
}

/*
 * Where what is said of a service now begins: at its last start by a command. What it said before that, somebody
 * has answered. Deaths since then are kept in RUN/deaths, and where there is none, the record of what runs was
 * made then.
 */
static void find_beginning(tain *t, snapshot const *s, stored const *st, char const *name)
{
  stralloc file = STRALLOC_ZERO;
  deaths d = DEATHS_ZERO;
  struct stat record;
  tain life;

  *t = tain_zero;
  if (!snapshot_find(s, name))
  {
    if (s->supervisor.since.known == KNOWN) *t = s->supervisor.since.time;
    return;
  }
  if (service_append(&file, "%s/deaths/%s", st->b.run, name) < 0 || !stralloc_0(&file)) goto end;
  if (deaths_read(&d, file.s) >= 0 && d.n)
  {
    tain_from_millisecs(&life, (int)(d.list[0].lived < 86400000 ? d.list[0].lived : 86400000));
    tain_sub(t, &d.list[0].when, &life);
    goto end;
  }
  file.len = 0;
  if (service_append(&file, "%s/started/%s", st->b.run, name) >= 0 && stralloc_0(&file) &&
      !stat(file.s, &record) && !tain_from_timespec_sysclock(t, &record.st_mtim))
    *t = tain_zero;
end:
  stralloc_free(&file);
}

static int take_lines(reader const *r, char const *name, char const *text, size_t len)
{
  char const *end;
  tain begun;
  int asked = 0;

  for (; (end = memchr(text, '\n', len)); len -= (size_t)(end + 1 - text), text = end + 1)
  {
    char stamp[TIMESTAMP + 1];
    tain t;
    size_t n = (size_t)(end - text);
    if (n <= TIMESTAMP + 1 || memcmp(text, r->day_ago, TIMESTAMP) < 0) continue;
    if (!is_warning(text + TIMESTAMP + 1, n - TIMESTAMP - 1)) continue;
    memcpy(stamp, text, TIMESTAMP);
    stamp[TIMESTAMP] = 0;
    if (timestamp_scan(stamp, &t) != TIMESTAMP) continue;
    if (!asked) find_beginning(&begun, r->s, r->st, name);
    asked = 1;
    if (tain_less(&t, &begun)) continue;
    if (add(r->s, &t, name, text + TIMESTAMP + 1, n - TIMESTAMP - 1) < 0) return -1;
  }
  return 0;
}

/*
 * What is empty, or was not written to in that time, is not even opened. The first line may lack its
 * beginning; then it has no stamp, and is passed over.
 */
static int take_log(reader const *r, int logs, char const *name)
{
  char room[SNAPSHOT_PATH];
  char const *path = snapshot_path(room, name, "current");
  char buf[TAIL];
  struct stat st;
  ssize_t n;
  int fd;

  if (fstatat(logs, path, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) || !st.st_size ||
      st.st_mtime < r->since)
    return 0;
  fd = walk_open(logs, path, O_RDONLY, 0);
  if (fd < 0) return 0;
  n = pread(fd, buf, sizeof buf, st.st_size > TAIL ? st.st_size - TAIL : 0);
  fd_close(fd);
  return n > 0 ? take_lines(r, name, buf, (size_t)n) : 0;
}

int snapshot_take_logs(snapshot *s, stored const *st)
{
  reader r = {.s = s, .st = st};
  service_fields const *f = snapshot_services(s);
  tain day = {.sec = {.x = 86400}, .nano = 0};
  struct timespec since = {.tv_sec = 0};
  int logs = walk_directory(AT_FDCWD, st->b.log);
  int result = 0;

  if (logs < 0) return 0;
  tain_sub(&day, &s->now, &day);
  timestamp_fmt(r.day_ago, &day);
  (void)timespec_sysclock_from_tain(&since, &day);
  r.since = since.tv_sec;
  for (size_t i = 0; i <= snapshot_count(s) && !result; i++)
    result = take_log(&r, logs, i < snapshot_count(s) ? f[i].id : "supervisor");
  fd_close(logs);
  return result;
}

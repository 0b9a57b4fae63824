#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/field.h>
#include <runlib/overload.h>

#include "overload-flag.h"
#include "overload-place.h"

static int add_moment(char *s, size_t max, char const *name, uint64_t when)
{
  time_t t = (time_t)when;
  struct tm tm;
  char iso[32] = "";

  if (!when) return 0;
  if (gmtime_r(&t, &tm)) strftime(iso, sizeof iso, " %Y-%m-%dT%H:%M:%SZ", &tm);
  return snprintf(s, max, "%s %" PRIu64 "%s\n", name, when, iso);
}

void flag_text(char *s, flag_fields const *f)
{
  char reason[OVERLOAD_REASON + 1];
  size_t n;

  /* The parts have bounds that add up to less than FLAG_TEXT. */
  field_clean(reason, OVERLOAD_REASON, f->reason, strlen(f->reason));
  n = (size_t)snprintf(s, FLAG_TEXT, "level %u\nmade %s\n", f->level, f->held ? "hold" : "monitor");
  if (!f->held) n += (size_t)snprintf(s + n, FLAG_TEXT - n, "lifetime %" PRIu64 "\n", f->lifetime);
  n += (size_t)add_moment(s + n, FLAG_TEXT - n, "since", f->since);
  n += (size_t)add_moment(s + n, FLAG_TEXT - n, "until", f->until);
  n += (size_t)snprintf(s + n, FLAG_TEXT - n, "reason %s\n", reason);
  for (gauge_number g = 0; f->x && g < GAUGES; g++)
  {
    if (!(f->asked & 1u << g)) continue;
    n += reading_text(s + n, g, &f->x->of[g]);
    s[n++] = '\n';
  }
  memset(s + n, '\n', FLAG_TEXT - n);
}

/* All of it in one call, in place: a reader finds the old text or the new. */
static int fill(char const *path, int create, char const *text)
{
  int fd = open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | create, 0644);
  int ok;

  if (fd < 0) return -1;
  errno = 0;
  ok = pwrite(fd, text, FLAG_TEXT, 0) == FLAG_TEXT && !ftruncate(fd, FLAG_TEXT);
  if (ok && create) ok = !fchmod(fd, 0644);
  if (!ok && !errno) errno = ENOSPC;
  fd_close(fd);
  return ok ? 0 : -1;
}

/* A spare that is another user's is made anew: the directory is ours. */
static int fill_spare(char const *spare, char const *text)
{
  if (!fill(spare, O_CREAT, text)) return 0;
  if (errno == ENOSPC || unlink(spare) < 0) return -1;
  return fill(spare, O_CREAT, text);
}

int flag_prepare(char const *directory)
{
  char path[PLACE_PATH];
  char text[FLAG_TEXT];

  memset(text, '\n', sizeof text);
  if (place_path(path, directory, ".flag") < 0) return -1;
  return fill_spare(path, text);
}

/*
 * The spare for a flag that is not ours to write: that of a hold, by root. There is a flag at every moment. If
 * it turns out to be one that a person made just then, it goes back; one that is gone by now stays so.
 */
static int trade(char const *spare, char const *path)
{
  overload old;

  if (renameat2(AT_FDCWD, spare, AT_FDCWD, path, RENAME_EXCHANGE) < 0) return errno == ENOENT ? 0 : -1;
  if (overload_read(&old, spare, (uint64_t)time(0)) < 0 || old.maker != OVERLOAD_HAND) return 0;
  return renameat2(AT_FDCWD, spare, AT_FDCWD, path, RENAME_EXCHANGE);
}

int flag_raise(char const *directory, flag_fields const *f)
{
  char path[PLACE_PATH];
  char spare[PLACE_PATH];
  char text[FLAG_TEXT];
  int there;

  if (place_path(path, directory, "flag") < 0 || place_path(spare, directory, ".flag") < 0) return -1;
  flag_text(text, f);
  if (!fill(path, 0, text)) return 0;
  if (errno == ENOSPC) return -1;
  there = errno != ENOENT;
  if (fill_spare(spare, text) < 0) return -1;
  if (there) return trade(spare, path);
  return renameat2(AT_FDCWD, spare, AT_FDCWD, path, RENAME_NOREPLACE) < 0 && errno != EEXIST ? -1 : 0;
}

int flag_drop(char const *directory)
{
  char path[PLACE_PATH];
  char spare[PLACE_PATH];

  if (place_path(path, directory, "flag") < 0 || place_path(spare, directory, ".flag") < 0) return -1;
  if (!rename(path, spare) || errno == ENOENT) return 0;
  return unlink(path) < 0 && errno != ENOENT ? -1 : 0;
}

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <runlib/spoolname.h>

#include <services/spool/scan.h>

/* A descriptor of its own: a directory stream moves the position of the descriptor that it is given. */
static DIR *open_directory(int directory)
{
  int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *dir;

  if (fd < 0) return 0;
  dir = fdopendir(fd);
  if (!dir) close(fd);
  return dir;
}

static uint64_t micros(struct timespec const *t)
{
  return t->tv_sec < 0 ? 0 : (uint64_t)t->tv_sec * 1000000U + (uint64_t)t->tv_nsec / 1000U;
}

uint64_t scan_now(void)
{
  struct timespec t;

  clock_gettime(CLOCK_REALTIME, &t);
  return micros(&t);
}

static int dots(char const *name)
{
  return name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2]));
}

/* When it is due; `now` also for what is no message, or cannot be looked at: then delivering it will tell. */
static uint64_t due(int todo, char const *name, uint64_t now, uint64_t most, uint64_t since)
{
  uint64_t birth = spoolname_birth(name), tried;
  struct stat st;

  if (fstatat(todo, name, &st, AT_SYMLINK_NOFOLLOW) < 0) return now;
  tried = micros(&st.st_mtim);
  return tried < since ? now : spoolname_due(birth, tried, now, most);
}

static int gather(scan *s, char const *name)
{
  size_t place = s->text.len;

  if (genalloc_len(size_t, &s->names) == SCAN_MAX)
  {
    s->more = 1;
    return 0;
  }
  return stralloc_catb(&s->text, name, strlen(name) + 1) && genalloc_append(size_t, &s->names, &place) ? 0
                                                                                                       : -1;
}

static int by_name(void const *a, void const *b)
{
  return strcmp(*(char const *const *)a, *(char const *const *)b);
}

/* Places in the text become pointers, now that it no longer moves. */
static void sort(scan *s)
{
  size_t n = genalloc_len(size_t, &s->names);
  size_t *place = genalloc_s(size_t, &s->names);
  char const **name = genalloc_s(char const *, &s->names);

  _Static_assert(sizeof(size_t) == sizeof(char const *), "places and pointers take turns");
  for (size_t i = 0; i < n; i++) name[i] = s->text.s + place[i];
  if (n) qsort(name, n, sizeof *name, &by_name);
}

int scan_todo(scan *s, int todo, uint64_t now, uint64_t most, uint64_t since)
{
  struct dirent *d;
  DIR *dir = open_directory(todo);
  int result = -1;

  s->text.len = 0;
  genalloc_setlen(size_t, &s->names, 0);
  s->next = UINT64_MAX;
  s->more = 0;
  if (!dir) return -1;
  /* No further than needed: with a million messages each look would cost a second. */
  while (errno = 0, !s->more && (d = readdir(dir)))
  {
    uint64_t when;
    if (dots(d->d_name)) continue;
    when = due(todo, d->d_name, now, most, since);
    if (when > now)
      s->next = when < s->next ? when : s->next;
    else if (gather(s, d->d_name) < 0)
      goto end;
  }
  if (errno) goto end;
  sort(s);
  result = 0;
end:
  closedir(dir);
  return result;
}

void scan_free(scan *s)
{
  stralloc_free(&s->text);
  genalloc_free(size_t, &s->names);
}

static int unused(int tmp, char const *name, uint64_t now, uint64_t age)
{
  struct stat st;
  int fd, free;

  if (fstatat(tmp, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
      micros(&st.st_mtim) + age > now)
    return 0;
  fd = openat(tmp, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return 0;
  free = !flock(fd, LOCK_EX | LOCK_NB);
  close(fd);
  return free;
}

unsigned int scan_clean(int tmp, uint64_t now, uint64_t age)
{
  unsigned int n = 0;
  struct dirent *d;
  DIR *dir = open_directory(tmp);

  if (!dir) return 0;
  while ((d = readdir(dir)))
    if (!dots(d->d_name) && unused(tmp, d->d_name, now, age) && !unlinkat(tmp, d->d_name, 0)) n++;
  closedir(dir);
  return n;
}

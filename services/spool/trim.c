#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/genalloc.h>
#include <skalibs/stralloc.h>

#include <services/spool/trim.h>

typedef struct entry_s entry;
struct entry_s
{
  uint64_t time;
  uint64_t size;
  size_t name; /* in text */
};

typedef struct list_s list;
struct list_s
{
  stralloc text;
  genalloc entries; /* of entry */
};

static int add(list *l, int dir, char const *name)
{
  struct stat st;
  entry e;

  if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode)) return 0;
  e = (entry){
      .time = st.st_mtime > 0 ? (uint64_t)st.st_mtime : 0, .size = (uint64_t)st.st_size, .name = l->text.len};
  return stralloc_catb(&l->text, name, strlen(name) + 1) && genalloc_append(entry, &l->entries, &e) ? 0 : -1;
}

static int gather(list *l, int dir)
{
  int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *d = fd < 0 ? 0 : fdopendir(fd);
  struct dirent *x;
  int result = 0;

  if (!d)
  {
    if (fd >= 0) close(fd);
    return -1;
  }
  while (!result && (errno = 0, x = readdir(d))) result = add(l, dir, x->d_name);
  if (!result && errno) result = -1;
  closedir(d);
  return result;
}

static int by_time(void const *a, void const *b)
{
  uint64_t x = ((entry const *)a)->time, y = ((entry const *)b)->time;
  return x < y ? -1 : x > y;
}

int trim_directory(trimmed *t, int dir, trim_bounds const *b, uint64_t now)
{
  list l = {.text = STRALLOC_ZERO, .entries = GENALLOC_ZERO};
  int result = gather(&l, dir);
  entry *e = genalloc_s(entry, &l.entries);
  size_t n = genalloc_len(entry, &l.entries);
  uint64_t files, bytes;

  t->bytes = t->removed = 0;
  t->files = n;
  for (size_t i = 0; i < n; i++) t->bytes += e[i].size;
  files = n > b->files ? b->files - b->files / 10 : UINT64_MAX;
  bytes = t->bytes > b->bytes ? b->bytes - b->bytes / 10 : UINT64_MAX;
  if (n) qsort(e, n, sizeof *e, &by_time);
  for (; !result && n && (t->files > files || t->bytes > bytes || e->time + b->age < now); n--, e++)
    if (!unlinkat(dir, l.text.s + e->name, 0))
    {
      t->files--;
      t->bytes -= e->size;
      t->removed++;
    }
  stralloc_free(&l.text);
  genalloc_free(entry, &l.entries);
  return result;
}

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <runlib/linkreplace.h>

#include <ctl/machine/sets.h>

static int sets_order(void const *a, void const *b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

int sets_list(genalloc *names, char const *software)
{
  DIR *d = opendir(software);
  struct dirent *e;
  int result = 0;

  if (!d) return -1;
  while (!result && (e = readdir(d)))
  {
    char path[PATH_MAX];
    struct stat st;
    char *name;
    if (e->d_name[0] == '.' || fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
        !S_ISDIR(st.st_mode))
      continue;
    snprintf(path, sizeof path, "%s/%s/bin/mailctl", software, e->d_name);
    if (access(path, X_OK) < 0) continue;
    name = strdup(e->d_name);
    if (!name || !genalloc_append(char *, names, &name)) result = (free(name), -1);
  }
  closedir(d);
  if (genalloc_len(char *, names))
    qsort(genalloc_s(char *, names), genalloc_len(char *, names), sizeof(char *), &sets_order);
  return result;
}

char const *sets_name(char const *software, char const *prefix)
{
  char real[PATH_MAX];
  size_t n;

  if (!realpath(software, real)) return 0;
  n = strlen(real);
  return !strncmp(prefix, real, n) && prefix[n] == '/' && prefix[n + 1] && !strchr(prefix + n + 1, '/')
             ? prefix + n + 1
             : 0;
}

int sets_link(bundle const *b, char const *prefix)
{
  char const *software = section_text(b->self, "software");
  char const *name = software && *software ? sets_name(software, prefix) : 0;
  char path[PATH_MAX], old[PATH_MAX];
  ssize_t n;

  if (!name) return 0;
  snprintf(path, sizeof path, "%s/current", software);
  n = readlink(path, old, sizeof old - 1);
  if (n >= 0 && (size_t)n == strlen(name) && !memcmp(old, name, (size_t)n)) return 0;
  return link_replace(software, "current", name);
}

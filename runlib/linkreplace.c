#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include <skalibs/stralloc.h>

#include <runlib/linkreplace.h>

int link_replace(char const *directory, char const *name, char const *target)
{
  stralloc path = STRALLOC_ZERO;
  stralloc first = STRALLOC_ZERO;
  int result = -1;

  if (stralloc_cats(&path, directory) && stralloc_cats(&path, "/") && stralloc_cats(&path, name) &&
      stralloc_0(&path) && stralloc_cats(&first, directory) && stralloc_cats(&first, "/.") &&
      stralloc_cats(&first, name) && stralloc_cats(&first, ".new") && stralloc_0(&first) &&
      (!unlink(first.s) || errno == ENOENT) && !symlink(target, first.s))
    result = rename(first.s, path.s);
  stralloc_free(&path);
  stralloc_free(&first);
  return result;
}

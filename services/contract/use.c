#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <services/contract/use.h>

int use_add_from(genalloc *uses, int mode, char const *directory, char const *name, char const *from)
{
  use u = {.mode = mode, .from = from};
  char *path = 0;

  if (*name == '/')
    path = strdup(name);
  else if (asprintf(&path, "%s/%s", directory, name) < 0)
    path = 0;
  u.path = path;
  if (path && genalloc_append(use, uses, &u)) return 0;
  free(path);
  return -1;
}

int use_add(genalloc *uses, int mode, char const *directory, char const *name)
{
  return use_add_from(uses, mode, directory, name, 0);
}

void uses_free(genalloc *uses)
{
  use *u = genalloc_s(use, uses);

  for (size_t n = genalloc_len(use, uses); n; n--, u++) free((char *)u->path);
  genalloc_free(use, uses);
}

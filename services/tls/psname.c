#include <string.h>
#include <sys/prctl.h>

#include "psname-internal.h"

static char *room;
static size_t size;

void psname_init(int argc, char const *const *argv)
{
  char const *end = argv[0] + strlen(argv[0]) + 1;

  for (int i = 1; i < argc && argv[i] == end; i++) end += strlen(argv[i]) + 1;
  room = (char *)argv[0];
  size = (size_t)(end - argv[0]);
}

static size_t put(size_t n, char const *s)
{
  while (*s && n + 1 < size) room[n++] = *s++;
  return n;
}

void psname_set(char const *what, char const *whom)
{
  static char name[16];
  size_t n;

  if (strcmp(name + (*name ? strlen("tlsd-") : 0), what))
  {
    stpcpy(stpcpy(name, "tlsd-"), what);
    (void)prctl(PR_SET_NAME, name, 0, 0, 0);
  }
  if (!room) return;
  memset(room, 0, size);
  n = put(put(put(0, "tlsd: "), what), *whom ? " " : "");
  put(n, whom);
}

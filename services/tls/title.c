#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "title-internal.h"

static char *room;
static size_t size;

void title_init(int argc, char const *const *argv)
{
  char const *end = argv[0] + strlen(argv[0]) + 1;

  for (int i = 1; i < argc && argv[i] == end; i++) end += strlen(argv[i]) + 1;
  room = (char *)argv[0];
  size = (size_t)(end - argv[0]);
}

void title_set(char const *what, char const *whom)
{
  char name[16];

  snprintf(name, sizeof name, "tlsd-%s", what);
  (void)prctl(PR_SET_NAME, name, 0, 0, 0);
  if (!room) return;
  memset(room, 0, size);
  snprintf(room, size, "tlsd: %s%s%s", what, *whom ? " " : "", whom);
}

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include <skalibs/direntry.h>
#include <skalibs/stralloc.h>

#include <runlib/tcp/standby.h>

#include <ctl/live/doors.h>
#include <ctl/say.h>

#define KILL_TIME 15000 /* ms after drain, as in transition-begin.h */

static int path_of(stralloc *path, bundle const *b, char const *name)
{
  path->len = 0;
  return service_append(path, "%s/doors/%s", b->run, name) < 0 || !stralloc_0(path) ? -1 : 0;
}

int doors_has(bundle const *b, char const *name)
{
  stralloc path = STRALLOC_ZERO;
  struct stat st;
  int yes = path_of(&path, b, name) == 0 && lstat(path.s, &st) == 0;

  stralloc_free(&path);
  return yes;
}

int doors_close(bundle const *b)
{
  int ms = (int)section_number(b->self, "drain") + KILL_TIME;
  stralloc path = STRALLOC_ZERO;
  int result = 0;
  direntry *e;
  DIR *d = path_of(&path, b, "") < 0 ? 0 : opendir(path.s);

  while (d && (e = readdir(d)))
  {
    if (e->d_name[0] == '.' || path_of(&path, b, e->d_name) < 0 || standby_close(path.s, ms) == 0) continue;
    say_cannot("close ", path.s);
    result = -1;
  }
  if (d) dir_close(d);
  stralloc_free(&path);
  return result;
}

#include <unistd.h>

#include <services/contract/service.h>

#include <ctl/dashboard/become.h>
#include <ctl/say.h>

int dash_become(context const *cx, char const *name)
{
  stralloc path = STRALLOC_ZERO;

  if (service_append(&path, "%s/dashboard", cx->libexec) >= 0 && stralloc_0(&path))
  {
    char const *argv[] = {path.s, "-c", cx->file, name, 0};
    execv(path.s, (char *const *)argv);
  }
  say_cannot("run ", path.len ? path.s : "the dashboard");
  stralloc_free(&path);
  return EXIT_SYSTEM;
}

#include <unistd.h>

#include <services/contract/service.h>

#include <ctl/command/command.h>
#include <ctl/say.h>

/* The monitor is a daemon of its own, which reads no mailctl.conf: this becomes it. */
int command_monitor(context const *cx, int argc, char const *const *argv)
{
  stralloc path = STRALLOC_ZERO;

  (void)argc;
  if (service_append(&path, "%s/monitor", cx->libexec) >= 0 && stralloc_0(&path))
    execv(path.s, (char *const *)argv);
  say_cannot("run ", path.len ? path.s : "the monitor");
  stralloc_free(&path);
  return EXIT_SYSTEM;
}

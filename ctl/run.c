#include <sys/types.h>
#include <unistd.h>

#include <ctl/command.h>
#include <ctl/folder.h>
#include <ctl/live.h>
#include <ctl/load.h>
#include <ctl/say.h>
#include <ctl/supervisor.h>

/*
 * The supervisor in the foreground: this process becomes s6-svscan, and a child brings the services up on
 * it. Whoever started it (systemd, a container's engine, another supervisor) sees s6-svscan itself, which
 * reaps orphans if it is process 1, and which TERM makes run `mailctl down`.
 */

static int start_child(context const *cx, char const *scandir)
{
  static char const *const up[] = {"up", 0};
  pid_t parent = getpid();
  pid_t pid = fork();

  if (pid) return pid < 0 ? -1 : 0;
  /* Until the parent has become s6-svscan: it holds the scan directory's lock from then on. */
  for (unsigned int i = 0; i < 1000 && live_supervisor(scandir) != parent; i++)
  {
    if (getppid() != parent) _exit(EXIT_SYSTEM);
    usleep(10000);
  }
  _exit(command_up(cx, 1, up));
}

int command_run(context const *cx, int argc, char const *const *argv)
{
  wanted w = WANTED_ZERO;
  stralloc scandir = STRALLOC_ZERO;
  int status;

  if (argc > 1) return usage_error(argv[0], "it takes no names");
  status = wanted_load(&w, cx, 1);
  if (status) return status;
  if (folder_make_bundle(&w.b) < 0 || supervisor_scandir(&scandir, &w.b) < 0) return EXIT_SYSTEM;
  if (live_supervisor(scandir.s) > 0)
  {
    say("the bundle is running already; `mailctl down` stops it");
    return EXIT_SYSTEM;
  }
  if (start_child(cx, scandir.s) < 0 || supervisor_become(&w.b) < 0)
    say_cannot("become s6-svscan on ", scandir.s);
  return EXIT_SYSTEM;
}

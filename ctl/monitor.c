#include <ctl/command.h>

#include <services/monitor/monitor.h>

/* The loop itself: it reads no mailctl.conf, only its arguments. */
int command_monitor(context const *cx, int argc, char const *const *argv)
{
  (void)cx;
  return monitor_run(argc, argv);
}

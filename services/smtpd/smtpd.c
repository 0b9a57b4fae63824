#include <linux/close_range.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/strerr.h>

#include "child.h"
#include "listen.h"
#include "serve.h"

char const *PROG = "smtpd";

/* One session, under a UCSPI server. */
static int serve_one(int argc, char const *const *argv)
{
  static control const fresh = CONTROL_ZERO;
  static options o;
  static control c;
  static host w;
  static place_mark mark;
  char const *file;

  c = fresh;
  options_read(&o, argc, argv);
  options_client(&o);
  fd_ensure_open(2, 1); /* else a control file would be the log */
  (void)close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
  if (child_init(0) < 0) strerr_diefusys(111, "set up signals");
  if (control_load(&c, o.plugins, &file) == 0) file = 0;
  host_init(&w, &o);
  return serve(&o, &c, file, &w, &mark, 0);
}

int main(int argc, char const *const *argv)
{
  return argc > 1 && !strcmp(argv[1], "--listen") ? listen_main(argc - 1, argv + 1) : serve_one(argc, argv);
}

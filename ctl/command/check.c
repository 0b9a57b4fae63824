#include <stdio.h>

#include <ctl/command/command.h>
#include <ctl/machine/load.h>

/* `mailctl check`: every problem in the configuration and in the machine, and nothing else. */
int command_check(context const *cx, int argc, char const *const *argv)
{
  wanted w = WANTED_ZERO;
  int status = argc > 1 ? usage_error(argv[0], "it takes no names") : wanted_load(&w, cx, 1);

  if (!status)
    printf("%s: nothing is wrong; it makes %zu services\n%.*s", cx->file, plan_count(&w.p), (int)w.notes.len,
           w.notes.s);
  wanted_free(&w);
  return status;
}

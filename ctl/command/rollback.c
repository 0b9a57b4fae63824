#include <stdlib.h>

#include <skalibs/djbunix.h>
#include <skalibs/tai.h>
#include <skalibs/types.h>

#include <ctl/command/advance.h>
#include <ctl/command/command.h>
#include <ctl/command/generations.h>
#include <ctl/live/directory.h>
#include <ctl/live/history.h>
#include <ctl/say.h>

/* The newest one below the current one that nobody found ill, nor left. */
static int choose(char const *state, unsigned int current, unsigned int *number)
{
  genalloc numbers = GENALLOC_ZERO;
  int result = generation_list(&numbers, state);

  *number = 0;
  for (size_t i = 0; i < genalloc_len(unsigned int, &numbers); i++)
  {
    unsigned int one = genalloc_s(unsigned int, &numbers)[i];
    if (one < current && advance_may_return(state, one)) *number = one;
  }
  genalloc_free(unsigned int, &numbers);
  return result;
}

/* Nothing of it depends on what mailctl.conf says now, beyond [bundle] state. */
static int rollback(context const *cx, char const *state, advance *a, int argc, char const *const *argv)
{
  unsigned int current;
  wanted w = WANTED_ZERO;
  int status = 0;

  if (generation_current(state, &current) < 0 || (!a->number && choose(state, current, &a->number) < 0))
  {
    say_cannot("read the generations below ", state);
    return EXIT_SYSTEM;
  }
  if (!a->number)
  {
    say("there is no generation to go back to; see mailctl generations");
    return EXIT_USAGE;
  }
  status = kept_load(&w, cx, state, a->number);
  if (!status && directory_make_bundle(&w.b) < 0) status = EXIT_SYSTEM;
  if (!status)
  {
    history_command(&w.b, argc, argv);
    status = advance_run(cx, &w, a);
    if (!status && current && current != a->number && generation_note(state, current, "left\n") < 0)
      say_cannot("note that the generation was left");
  }
  wanted_free(&w);
  return status;
}

int command_rollback(context const *cx, int argc, char const *const *argv)
{
  advance a = {.argv = argv};
  char *state;
  int lock = -1;
  int status;

  if (argc > 2 || (argc == 2 && (!uint0_scan(argv[1], &a.number) || !a.number)))
    return usage_error(argv[0], "it takes the number of a generation, or nothing");
  if (!(state = find_state(cx))) return EXIT_SYSTEM;
  tain_now_set_stopwatch_g();
  status = advance_lock(state, argv[0], &lock);
  if (!status) status = rollback(cx, state, &a, argc, argv);
  if (lock >= 0) fd_close(lock);
  free(state);
  return status;
}

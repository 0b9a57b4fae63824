#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/tai.h>

#include <ctl/command/advance.h>
#include <ctl/command/command.h>
#include <ctl/command/delegated.h>
#include <ctl/live/directory.h>
#include <ctl/live/history.h>
#include <ctl/machine/load.h>
#include <ctl/say.h>

static int check_names(wanted const *w, int argc, char const *const *names)
{
  for (int i = 0; i < argc; i++)
    if (!plan_find(&w->p, names[i]))
    {
      say("no service is called ", names[i], " in ", w->b.file);
      return EXIT_USAGE;
    }
  return 0;
}

/*
 * The machine is asked under the lock, because another command may be about to free or take a port. Where
 * there is no STATE yet nobody else can be at work, and nothing is written before all is found to be well.
 */
static int up(context const *cx, char const *state, advance *a, int argc, char const *const *argv, int *lock)
{
  wanted w = WANTED_ZERO;
  int fresh = access(state, F_OK) < 0;
  int status = fresh ? 0 : advance_lock(state, argv[0], lock);

  if (!status) status = wanted_load(&w, cx, 1);
  if (!status) status = check_names(&w, a->argc, a->names);
  if (!status && directory_make_bundle(&w.b) < 0) status = EXIT_SYSTEM;
  if (!status && fresh) status = advance_lock(state, argv[0], lock);
  if (!status)
  {
    history_command(&w.b, argc, argv);
    status = advance_run(cx, &w, a);
  }
  wanted_free(&w);
  return status;
}

int command_up(context const *cx, int argc, char const *const *argv)
{
  static key const time_key = {.name = "confirm", .type = KEY_TIME, .min = 1000, .max = 2592000000};
  advance a = {.argv = argv};
  context own = *cx;
  char *state;
  int lock = -1;
  int status, i = 1;

  for (; i < argc && argv[i][0] == '-'; i++)
    if (!strcmp(argv[i], "--no-rollback"))
      a.stay = 1;
    else if (strcmp(argv[i], "--confirm"))
      return usage_error(argv[0], "it takes --no-rollback, --confirm TIME, and names");
    else if (++i >= argc || key_number(&time_key, argv[i], &a.confirm) || !a.confirm)
      return usage_error(argv[0], "--confirm takes a time, such as 10m");
  a.argc = argc - i;
  a.names = argv + i;
  status = delegated_move(cx, GOAL_START, a.argc, a.names);
  if (status >= 0) return status;
  if (!(state = find_state(cx))) return EXIT_SYSTEM;
  tain_now_set_stopwatch_g();
  own.one_way = a.stay;
  status = up(&own, state, &a, argc, argv, &lock);
  if (lock >= 0) fd_close(lock);
  free(state);
  return status;
}

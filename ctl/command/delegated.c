#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <skalibs/tai.h>

#include <ctl/command/delegated.h>
#include <ctl/live/progress.h>
#include <ctl/live/servicedir.h>
#include <ctl/machine/load.h>

static int may_control(bundle const *b, char const *name)
{
  stralloc pipe = STRALLOC_ZERO;
  int yes = servicedir_path(&pipe, b->run, name, "/supervise/control") >= 0 && !access(pipe.s, W_OK);

  stralloc_free(&pipe);
  return yes;
}

static int move_all(stored const *s, goal g, int argc, char const *const *names)
{
  transition t;
  int status = EXIT_SYSTEM;

  transition_init(&t, &s->b);
  t.limited = 1;
  for (int i = 0; i < argc; i++)
  {
    entry const *e = generation_find(&s->g, names[i]);
    if (transition_add(&t, e->name, &e->needs, g) < 0) goto end;
  }
  tain_now_set_stopwatch_g();
  status = progress_run(&t, &STAMP);
end:
  transition_free(&t);
  return status;
}

/* Root, and who owns the bundle, need no grant. */
static int is_stranger(context const *cx)
{
  char *state = geteuid() ? find_state(cx) : 0;
  int yes = state && access(state, W_OK) < 0 && errno == EACCES;

  free(state);
  return yes;
}

int delegated_move(context const *cx, goal g, int argc, char const *const *names)
{
  stored s = STORED_ZERO;
  int status = -1;

  if (!argc || !is_stranger(cx)) return -1;
  if (!stored_load(&s, cx))
  {
    status = 0;
    for (int i = 0; i < argc && !status; i++)
      status = generation_find(&s.g, names[i]) && may_control(&s.b, names[i]) ? 0 : -1;
    if (!status) status = move_all(&s, g, argc, names);
  }
  stored_free(&s);
  return status;
}

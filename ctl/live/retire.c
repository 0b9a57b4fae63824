#include <errno.h>
#include <stdlib.h>

#include <ctl/context.h>
#include <ctl/live/directory.h>
#include <ctl/live/live.h>
#include <ctl/live/orphan.h>
#include <ctl/live/progress.h>
#include <ctl/live/retire.h>
#include <ctl/live/servicedir.h>
#include <ctl/say.h>

#define RETIRE_TIME 30 /* seconds that their s6-supervise may take to end */

/* Which of the services that are there are meant. */
typedef struct choice_s choice;
struct choice_s
{
  bundle const *b;
  plan const *p;
  int moving; /* those whose directories get another user, of the names'; else those that the plan does not have */
  int argc;
  char const *const *names;
};

static int is_meant(choice const *c, char const *name)
{
  planned const *ps = plan_find(c->p, name);

  if (!c->moving) return !ps;
  return ps && directory_moves(ps) && plan_chosen(c->p, name, c->argc, c->names);
}

static int list(genalloc *names, choice const *c)
{
  genalloc all = GENALLOC_ZERO;
  int result = orphan_names(&all, c->b);

  for (size_t i = 0; i < genalloc_len(char *, &all); i++)
  {
    char *name = genalloc_s(char *, &all)[i];
    if (!is_meant(c, name))
      free(name);
    else if (!genalloc_append(char *, names, &name))
      result = -1;
  }
  genalloc_free(char *, &all);
  return result;
}

static int stop(bundle const *b, generation const *old, char const *const *names, size_t n)
{
  static genalloc const nothing = GENALLOC_ZERO;
  transition t;
  int status = EXIT_SYSTEM;

  transition_init(&t, b);
  for (size_t i = 0; i < n; i++)
  {
    entry const *e = generation_find(old, names[i]);
    if (transition_add(&t, names[i], e ? &e->needs : &nothing, GOAL_STOP) < 0) goto end;
  }
  status = progress_run(&t, &STAMP);
end:
  transition_free(&t);
  return status;
}

/* s6_supervise_unlink_names reports success at its timeout too. */
static int is_supervised(bundle const *b, char const *name)
{
  stralloc dir = STRALLOC_ZERO;
  live_status st = {.supervised = 1};

  if (servicedir_path(&dir, b->run, name, "") >= 0) (void)live_read(dir.s, &st);
  stralloc_free(&dir);
  return st.supervised;
}

static int take_out(bundle const *b, char const *scandir, char const *const *names, size_t n)
{
  tain deadline;

  tain_addsec_g(&deadline, RETIRE_TIME);
  if (live_remove(scandir, names, n, &deadline, &STAMP) < 0) return -1;
  for (size_t i = 0; i < n; i++)
  {
    if (is_supervised(b, names[i])) return (errno = ETIMEDOUT, -1);
    if (servicedir_remove(b, names[i]) < 0) return -1;
  }
  return 0;
}

static int remove_those(choice const *c, generation const *old, char const *scandir)
{
  bundle const *b = c->b;
  genalloc all = GENALLOC_ZERO;
  int result = list(&all, c);
  size_t n = genalloc_len(char *, &all);
  char const *const *names = (char const *const *)genalloc_s(char *, &all);
  int status = result < 0 ? EXIT_SYSTEM : stop(b, old, names, n);

  if (!status && n && take_out(b, scandir, names, n) < 0) result = -1;
  if (result < 0)
  {
    say_cannot("remove services from ", scandir);
    status = errno == ETIMEDOUT ? EXIT_TIMEOUT : EXIT_SYSTEM;
  }
  for (size_t i = 0; i < n; i++) free(genalloc_s(char *, &all)[i]);
  genalloc_free(char *, &all);
  return status;
}

int retire_remove(bundle const *b, plan const *p, generation const *old, char const *scandir)
{
  choice c = {.b = b, .p = p};

  return remove_those(&c, old, scandir);
}

int retire_displace(bundle const *b, plan const *p, generation const *old, char const *scandir, int argc,
                    char const *const *names)
{
  choice c = {.b = b, .p = p, .moving = 1, .argc = argc, .names = names};

  return remove_those(&c, old, scandir);
}

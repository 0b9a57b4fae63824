#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/strerr.h>

#include <runlib/walk.h>

#include <ctl/command/command.h>
#include <ctl/command/diff.h>
#include <ctl/live/current.h>
#include <ctl/machine/load.h>
#include <ctl/plan/manifest.h>
#include <ctl/say.h>

/* `mailctl plan`: what up would do, without doing it. */

typedef struct answer_s answer;
struct answer_s
{
  int something;  /* there is something to do */
  int hidden;     /* there are services that s6 does not show us */
  int unknown;    /* there are services of which we do not know either what runs */
  int uncompared; /* there are files that could not be compared */
};

static void tell(char const *what, char const *name, char const *why, answer *a)
{
  printf("%-8s %s%s%s\n", what, name, *why ? ": " : "", why);
  a->something = 1;
}

/* What is to be done with a service of which nobody tells us whether it runs. */
static void tell_files(planned const *ps, entry const *old, answer *a)
{
  a->unknown = 1;
  if (strcmp(old->content, ps->content))
    tell("change", ps->sv.name, "its files change", a);
  else if (strcmp(old->data, ps->data))
    tell("change", ps->sv.name, "its data change", a);
}

static void tell_service(wanted const *w, planned const *ps, entry const *old, answer *a)
{
  int hidden;
  running r = current_compare(&w->b, ps->sv.name, ps->content, &hidden);

  if (old && hidden) a->hidden = 1;
  if (!old)
    tell("add", ps->sv.name, "", a);
  else if (r == RUNNING_UNKNOWN)
    tell_files(ps, old, a);
  else if (r == RUNNING_OLD)
    tell("restart", ps->sv.name,
         strcmp(old->content, ps->content) ? "its files change" : "it runs an older generation", a);
  else if (r == RUNNING_REPLACED)
    tell("restart", ps->sv.name, "its program was replaced", a);
  else if (strcmp(old->data, ps->data))
    tell(r == RUNNING_SAME ? "reload" : "start", ps->sv.name, "its data change", a);
  else if (r == RUNNING_NOT)
    tell("start", ps->sv.name, strcmp(old->content, ps->content) ? "its files change" : "", a);
  if (old && strcmp(old->log, ps->log)) tell("restart", ps->sv.name, "its logger's files change", a);
}

static void tell_all(wanted const *w, stored const *s, answer *a)
{
  planned const *ps = plan_services(&w->p);
  entry const *e = genalloc_s(entry, &s->g.entries);

  for (size_t n = genalloc_len(entry, &s->g.entries); n; n--, e++)
    if (!plan_find(&w->p, e->name))
      tell("remove", e->name, e->left ? "it runs, and the file has it no more" : "", a);
  /* A left one that the file has again is not in the generation. */
  for (size_t n = plan_count(&w->p); n; n--, ps++)
  {
    entry const *old = generation_find(&s->g, ps->sv.name);
    tell_service(w, ps, old && old->left ? 0 : old, a);
  }
}

static int write_and_diff(wanted const *w)
{
  char dir[] = "/tmp/mailctl-plan.XXXXXX";
  stralloc old = STRALLOC_ZERO;
  char path[sizeof dir + sizeof "/current"];
  int result = -1;

  diff_hold(1);
  if (!mkdtemp(dir)) return say_cannot("make a directory below /tmp"), -1;
  snprintf(path, sizeof path, "%s/next", dir);
  if (generation_lay(path, &w->p, w->c.bytes.s, w->c.bytes.len) < 0 ||
      service_append(&old, "%s/current/", w->b.state) < 0 || !stralloc_0(&old))
    say_cannot("write ", path);
  else
  {
    snprintf(path, sizeof path, "%s/current", dir);
    result = symlink(old.s, path) < 0 ? -1 : diff_show(dir, "current", "next");
  }
  (void)walk_remove(AT_FDCWD, dir);
  diff_hold(0);
  stralloc_free(&old);
  return result;
}

static int conclude(answer const *a)
{
  if (a->unknown)
    say("we may not see what runs: restarts and starts are missing here");
  else if (a->hidden)
    say("we may not see s6's status: what runs is taken from the services' own records");
  if (!a->something) puts(a->unknown ? "no file changes" : "nothing to do");
  if (a->uncompared || (a->unknown && !a->something)) return EXIT_SYSTEM;
  return a->something ? EXIT_NO : 0;
}

static int compare(wanted const *w, stored const *s)
{
  stralloc manifest = STRALLOC_ZERO;
  answer a = {.something = 0};
  int status = EXIT_SYSTEM;

  if (plan_manifest(&w->p, &manifest) >= 0)
  {
    tell_all(w, s, &a);
    if (manifest.len != s->g.manifest.len || memcmp(manifest.s, s->g.manifest.s, manifest.len))
    {
      a.something = 1;
      if (s->g.number && write_and_diff(w) < 0) a.uncompared = 1;
    }
    status = conclude(&a);
  }
  stralloc_free(&manifest);
  return status;
}

/* As its owner would bring it up, whoever asks. */
static context owners(context const *cx, char const *state)
{
  context own = *cx;
  struct stat st;

  if (!stat(state, &st)) own.root = !st.st_uid;
  return own;
}

int command_plan(context const *cx, int argc, char const *const *argv)
{
  wanted w = WANTED_ZERO;
  stored s = STORED_ZERO;
  context own;
  int status = argc > 1 ? usage_error(argv[0], "it takes no names") : stored_load(&s, cx);

  if (!status)
  {
    own = owners(cx, s.b.state);
    status = wanted_load(&w, &own, 0);
  }
  if (!status) status = compare(&w, &s);
  stored_free(&s);
  wanted_free(&w);
  return status;
}

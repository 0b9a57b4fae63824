#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/tai.h>
#include <skalibs/types.h>

#include <ctl/command/advance.h>
#include <ctl/command/probing.h>
#include <ctl/live/converge.h>
#include <ctl/live/lock.h>
#include <ctl/live/pending.h>
#include <ctl/machine/formats.h>
#include <ctl/machine/sets.h>
#include <ctl/machine/software.h>
#include <ctl/plan/manifest.h>
#include <ctl/say.h>

#define LOCK_TIMEOUT 120000 /* ms that another command may take */

int advance_lock(char const *state, char const *command, int *lock)
{
  *lock = lock_take(state, command, LOCK_TIMEOUT, 0);
  if (*lock >= 0) return 0;
  say_cannot("lock ", state, "/lock");
  return errno == ETIMEDOUT ? EXIT_TIMEOUT : EXIT_SYSTEM;
}

/* --- the generation ------------------------------------------------------------------------------ */

static int begin_about(stralloc *about, char const *const *argv)
{
  char stamp[TIMESTAMP + 1];
  char const *as = getenv("MAILCTL_AS"); /* switch runs the other set's up */

  stamp[timestamp_g(stamp)] = 0;
  if (service_append(about, "made %s\ncommand %s", stamp, as && !strcmp(as, "switch") ? as : *argv) < 0)
    return -1;
  for (argv++; *argv; argv++)
    if (service_append(about, " %s", *argv) < 0) return -1;
  return service_append(about, "\n");
}

/* Writes the plan as a new one where it, or a program that it runs, differs from the old one. */
static int settle(wanted const *w, generation const *old, char const *const *argv, unsigned int *number)
{
  stralloc manifest = STRALLOC_ZERO, about = STRALLOC_ZERO, before = STRALLOC_ZERO;
  size_t at = 0, len;
  int result = -1;

  if (old->number) (void)generation_file(&before, w->b.state, old->number, GENERATION_ABOUT);
  if (plan_manifest(&w->p, &manifest) < 0 || begin_about(&about, argv) < 0 ||
      software_describe(&about, &w->p, &before) < 0)
    goto end;
  *number = old->number;
  result = 0;
  if (!old->number || manifest.len != old->manifest.len ||
      memcmp(manifest.s, old->manifest.s, manifest.len) || software_differs(&about, &before, &at, &len))
    result = generation_write(w->b.state, &w->p, w->c.bytes.s, w->c.bytes.len, &about, number);
end:
  if (result < 0) say_cannot("write a generation below ", w->b.state);
  stralloc_free(&manifest);
  stralloc_free(&about);
  stralloc_free(&before);
  return result;
}

int advance_may_return(char const *state, unsigned int number)
{
  stralloc note = STRALLOC_ZERO;
  int bad = number && generation_file(&note, state, number, GENERATION_HEALTH) >= 0 && note.len >= 4 &&
            (!memcmp(note.s, "fail", 4) || !memcmp(note.s, "left", 4));

  stralloc_free(&note);
  return number && !bad;
}

/*
 * What to go back to from `number`; 0: nothing. Programs that were replaced in place are no reason to: the other generation
 * would run the same ones.
 */
static unsigned int choose_back(char const *state, generation const *old, unsigned int number)
{
  generation new = GENERATION_ZERO;
  int differs =
      old->number != number && generation_load(&new, state, number) >= 0 &&
      (new.manifest.len != old->manifest.len || memcmp(new.manifest.s, old->manifest.s, new.manifest.len));

  generation_free(&new);
  return differs && advance_may_return(state, old->number) ? old->number : 0;
}

static void note_failure(char const *state, unsigned int number, stralloc const *why)
{
  stralloc text = STRALLOC_ZERO;

  if (service_append(&text, "failed %s\n", why->len ? why->s : "the system refused something") < 0 ||
      !stralloc_0(&text) || generation_note(state, number, text.s) < 0)
    say_cannot("note what became of the generation below ", state);
  stralloc_free(&text);
}

/* --- there and back ------------------------------------------------------------------------------ */

/* Makes it live, and notes whether it is healthy. */
static int make_live(context const *cx, wanted const *w, unsigned int number, advance const *a, stralloc *why)
{
  convergence c = {.b = &w->b, .p = &w->p, .number = number, .argc = a->argc, .names = a->names};
  char prefix[PATH_MAX];
  unsigned int current;
  int status = converge(&c);

  snprintf(prefix, sizeof prefix, "%.*s", (int)(strrchr(w->b.bin, '/') - w->b.bin), w->b.bin);

  *why = c.why;
  if (!status) status = probing_run(cx, w, a->argc, a->names, why);
  if (generation_current(w->b.state, &current) < 0 || current != number) return status;
  if (sets_link(&w->b, prefix) < 0)
    say_cannot("lead ", section_text(w->b.self, "software"), "/current to ", prefix);
  if (status)
    note_failure(w->b.state, number, why);
  else if (!a->argc && generation_note(w->b.state, number, "healthy\n") < 0)
    say_cannot("note that the generation below ", w->b.state, " is healthy");
  return status;
}

/* A kept generation has its scripts, and not the programs that they run, which somebody may have replaced in place. */
static void say_replaced(wanted const *w, unsigned int number)
{
  stralloc then = STRALLOC_ZERO, now = STRALLOC_ZERO;
  char const *path;
  size_t at = 0, len;

  if (generation_file(&then, w->b.state, number, GENERATION_ABOUT) >= 0 &&
      software_describe(&now, &w->p, &then) >= 0)
    while ((path = software_differs(&now, &then, &at, &len)))
    {
      char const end = path[len];
      now.s[path - now.s + (ptrdiff_t)len] = 0;
      say("it ran another ", path,
          ", which was replaced since; a software set keeps its own: see mailctl switch");
      now.s[path - now.s + (ptrdiff_t)len] = end;
    }
  stralloc_free(&then);
  stralloc_free(&now);
}

static int go_back(context const *cx, char const *state, unsigned int number, advance const *a,
                   stralloc const *why)
{
  char name[UINT_FMT + 1];
  wanted w = WANTED_ZERO;
  stralloc again = STRALLOC_ZERO;
  int status;

  name[uint_fmt(name, number)] = 0;
  say("going back to generation ", name, ": ", why->len ? why->s : "the system refused something");
  status = kept_load(&w, cx, state, number);
  if (!status)
  {
    say_replaced(&w, number);
    status = make_live(cx, &w, number, a, &again);
    say("generation ", name, " runs again", status ? ", and is not healthy either" : "");
    status = !status ? EXIT_BACK : status == EXIT_SYSTEM ? EXIT_SYSTEM : EXIT_ILL;
  }
  stralloc_free(&again);
  wanted_free(&w);
  return status;
}

/* Before the switch: whoever is killed after it has somebody who goes back. */
static int begin_confirm(char const *state, unsigned int back, uint64_t ms)
{
  pending p = {.back = back};
  tain now, span;

  if (!back)
  {
    say("there is nothing to confirm: nothing changes, or there is no generation to go back to");
    return 0;
  }
  tain_wallclock_read(&now);
  tain_uint(&span, (unsigned int)(ms / 1000));
  tain_add(&p.deadline, &now, &span);
  if (pending_write(state, &p) >= 0) return 0;
  say_cannot("write ", state, "/confirm");
  return -1;
}

/* What is to be confirmed is not, where it is not what runs any more. */
static void end_confirm(char const *state, unsigned int number)
{
  pending p;

  if (pending_read(&p, state) == 0 && p.back == number && pending_remove(state) < 0)
    say_cannot("remove ", state, "/confirm");
}

static int is_pending(char const *state)
{
  pending p;

  return pending_read(&p, state) == 0 || errno != ENOENT;
}

int advance_run(context const *cx, wanted const *w, advance const *a)
{
  char const *state = w->b.state;
  generation old = GENERATION_ZERO;
  stralloc why = STRALLOC_ZERO;
  unsigned int number = a->number, back, current;
  int status = EXIT_SYSTEM;

  if (generation_read(&old, state) < 0 && errno != EINVAL && errno != ENOENT)
  {
    say_cannot("read the generation at ", state, "/current");
    goto end;
  }
  if (!number && settle(w, &old, a->argv, &number) < 0) goto end;
  back = choose_back(state, &old, number);
  if (a->confirm && begin_confirm(state, back, a->confirm) < 0) goto end;
  status = make_live(cx, w, number, a, &why);
  if (status && back && !a->stay && generation_current(state, &current) >= 0 && current == number)
    status = go_back(cx, state, back, a, &why);
  if (generation_current(state, &current) >= 0) end_confirm(state, current);
  if (!status && !a->argc && !is_pending(state) && formats_note(state) < 0)
    say_cannot("write ", state, "/formats");
  if (generation_prune(state, (unsigned int)section_number(w->b.self, "generations"), back) < 0)
    say_cannot("remove old generations below ", state);
end:
  generation_free(&old);
  stralloc_free(&why);
  return status;
}

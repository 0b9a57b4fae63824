#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/types.h>

#include <runlib/walk.h>

#include <ctl/command/advance.h>
#include <ctl/command/command.h>
#include <ctl/live/pending.h>
#include <ctl/machine/load.h>
#include <ctl/machine/sets.h>
#include <ctl/say.h>

typedef struct litter_s litter;
struct litter_s
{
  char const *state;
  char const *software; /* 0: there are no sets */
  unsigned int current, back;
  unsigned int keep; /* sets; 0: all that a generation runs */
  int dry;
  genalloc needed; /* of char *: sets' names, the one that ran last first */
};

static int is_needed(litter const *l, char const *name)
{
  for (size_t i = 0; i < genalloc_len(char *, &l->needed); i++)
    if (!strcmp(genalloc_s(char *, &l->needed)[i], name)) return 1;
  return 0;
}

/* From the newest on: a generation whose set is one too many goes, unless it runs, or may be gone back to. */
static int sweep_generation(litter *l, unsigned int number)
{
  generation g = GENERATION_ZERO;
  char const *name = generation_load(&g, l->state, number) == 0 && g.set.len && l->software
                         ? sets_name(l->software, g.set.s)
                         : 0;
  char *copy;
  int result = 0;

  if (name && !is_needed(l, name))
  {
    if (number == l->current || number == l->back || !l->keep || genalloc_len(char *, &l->needed) < l->keep)
      result = (copy = strdup(name)) && genalloc_append(char *, &l->needed, &copy) ? 0 : -1;
    else
    {
      printf("generation %u, of %s\n", number, name);
      if (!l->dry) result = generation_discard(l->state, number);
    }
  }
  generation_free(&g);
  return result;
}

/* One that came after what runs may be about to be brought up. */
static int is_newer(litter const *l, char const *name)
{
  char path[PATH_MAX];
  struct stat st, active;

  snprintf(path, sizeof path, "%s/%s", l->software, name);
  if (stat(path, &st) < 0) return 1;
  snprintf(path, sizeof path, "%s/current/", l->software);
  return stat(path, &active) < 0 || st.st_ino == active.st_ino || st.st_mtim.tv_sec > active.st_mtim.tv_sec;
}

/* Out of sight in one step, so that no half a set is ever brought up. */
static int sweep_set(litter const *l, char const *name)
{
  char path[PATH_MAX], gone[PATH_MAX];

  if (is_needed(l, name) || is_newer(l, name)) return 0;
  printf("set %s\n", name);
  if (l->dry) return 0;
  snprintf(path, sizeof path, "%s/%s", l->software, name);
  snprintf(gone, sizeof gone, "%s/.gone-%s", l->software, name);
  return rename(path, gone) < 0 ? -1 : walk_remove(AT_FDCWD, gone);
}

static int sweep(litter *l)
{
  genalloc numbers = GENALLOC_ZERO, names = GENALLOC_ZERO;
  int result =
      generation_current(l->state, &l->current) < 0 || generation_list(&numbers, l->state) < 0 ? -1 : 0;

  if (!result && l->current) result = sweep_generation(l, l->current);
  for (size_t i = genalloc_len(unsigned int, &numbers); i && !result; i--)
    result = sweep_generation(l, genalloc_s(unsigned int, &numbers)[i - 1]);
  if (!result && l->software) result = sets_list(&names, l->software);
  for (size_t i = 0; i < genalloc_len(char *, &names); i++)
  {
    if (!result) result = sweep_set(l, genalloc_s(char *, &names)[i]);
    free(genalloc_s(char *, &names)[i]);
  }
  genalloc_free(char *, &names);
  genalloc_free(unsigned int, &numbers);
  return result;
}

static int collect(litter *l, bundle const *b)
{
  char const *software = section_text(b->self, "software");
  pending p;

  l->software = software && *software ? software : 0;
  l->back = pending_read(&p, b->state) == 0 ? p.back : 0;
  l->state = b->state;
  if ((l->dry ||
       generation_prune(b->state, (unsigned int)section_number(b->self, "generations"), l->back) >= 0) &&
      sweep(l) >= 0)
    return 0;
  say_cannot("remove what nothing needs");
  return EXIT_SYSTEM;
}

int command_gc(context const *cx, int argc, char const *const *argv)
{
  litter l = {.keep = 0};
  stored s = STORED_ZERO;
  int lock = -1;
  int status;

  for (int i = 1; i < argc; i++)
    if (!strcmp(argv[i], "--dry-run"))
      l.dry = 1;
    else if (strcmp(argv[i], "--keep") || ++i >= argc || !uint0_scan(argv[i], &l.keep) || !l.keep)
      return usage_error(argv[0], "it takes --keep NUMBER, and --dry-run");
  if ((status = stored_load(&s, cx))) return status;
  status = advance_lock(s.b.state, argv[0], &lock);
  if (!status) status = collect(&l, &s.b);
  for (size_t i = 0; i < genalloc_len(char *, &l.needed); i++) free(genalloc_s(char *, &l.needed)[i]);
  genalloc_free(char *, &l.needed);
  if (lock >= 0) fd_close(lock);
  stored_free(&s);
  return status;
}

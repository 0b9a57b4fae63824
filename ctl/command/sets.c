#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ctl/command/command.h>
#include <ctl/machine/load.h>
#include <ctl/machine/sets.h>
#include <ctl/say.h>

/* `NAME (current)  generations 3, 4`: each set, and which generations run it. */
static void show(char const *software, char const *name, char const *active, char const *state,
                 genalloc const *numbers)
{
  int first = 1;

  printf("%s%s", name, !strcmp(name, active) ? " (current)" : "");
  for (size_t i = 0; i < genalloc_len(unsigned int, numbers); i++)
  {
    unsigned int number = genalloc_s(unsigned int, numbers)[i];
    generation g = GENERATION_ZERO;
    char const *own = generation_load(&g, state, number) == 0 && g.set.len ? sets_name(software, g.set.s) : 0;
    if (own && !strcmp(own, name)) printf("%s%u", first ? "  generation " : ", ", number), first = 0;
    generation_free(&g);
  }
  printf("%s\n", first ? "  never brought up, or nothing that is kept runs it" : "");
}

int command_sets(context const *cx, int argc, char const *const *argv)
{
  genalloc names = GENALLOC_ZERO, numbers = GENALLOC_ZERO;
  char link[PATH_MAX], active[PATH_MAX] = "";
  char const *software;
  stored s = STORED_ZERO;
  ssize_t n;
  int status = argc > 1 ? usage_error(argv[0], "it takes nothing") : stored_load(&s, cx);

  if (status) return status;
  software = section_text(s.b.self, "software");
  if (!software || !*software)
  {
    say("sets: ", cx->file, " does not say where software sets live: [bundle] software = DIR");
    status = EXIT_CONF;
    goto end;
  }
  snprintf(link, sizeof link, "%s/current", software);
  n = readlink(link, active, sizeof active - 1);
  active[n > 0 ? n : 0] = 0;
  if (sets_list(&names, software) < 0 || generation_list(&numbers, s.b.state) < 0)
  {
    say_cannot("read ", software);
    status = EXIT_SYSTEM;
  }
  for (size_t i = 0; i < genalloc_len(char *, &names); i++)
  {
    char *name = genalloc_s(char *, &names)[i];
    show(software, name, active, s.b.state, &numbers);
    free(name);
  }
end:
  genalloc_free(char *, &names);
  genalloc_free(unsigned int, &numbers);
  stored_free(&s);
  return status;
}

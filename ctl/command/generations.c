#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/tai.h>

#include <ctl/command/command.h>
#include <ctl/command/generations.h>
#include <ctl/live/pending.h>
#include <ctl/machine/load.h>
#include <ctl/machine/software.h>
#include <ctl/say.h>
#include <ctl/words.h>

/* --- what changed, in words ---------------------------------------------------------------------- */

static int add_word(stralloc *words, size_t base, char const *verb, char const *word, int *first)
{
  int r = service_append(words, "%s%s%s",
                         !*first             ? ", "
                         : words->len > base ? "; "
                                             : "",
                         *first ? verb : "", word);

  *first = 0;
  return r;
}

static int is_changed(entry const *a, entry const *b)
{
  return strcmp(a->content, b->content) || strcmp(a->data, b->data) || strcmp(a->log, b->log);
}

/* Those of `all` that `other` does not have; changed: those of both that differ. */
static int add_services(stralloc *words, size_t base, char const *verb, generation const *all,
                        generation const *other, int changed)
{
  entry const *e = genalloc_s(entry, &all->entries);
  int first = 1;

  for (size_t n = genalloc_len(entry, &all->entries); n; n--, e++)
  {
    entry const *o = generation_find(other, e->name);
    if ((changed ? o && is_changed(e, o) : !o) && add_word(words, base, verb, e->name, &first) < 0) return -1;
  }
  return 0;
}

static int add_programs(stralloc *words, size_t base, char const *state, unsigned int from, unsigned int to)
{
  stralloc old = STRALLOC_ZERO, new = STRALLOC_ZERO;
  char const *path;
  size_t at = 0, len;
  int first = 1, result = 0;

  if (generation_file(&old, state, from, GENERATION_ABOUT) >= 0 &&
      generation_file(&new, state, to, GENERATION_ABOUT) >= 0)
    while (!result && (path = software_differs(&new, &old, &at, &len)))
    {
      char *name = strndup(path, len);
      result = name ? add_word(words, base, "replaces ", strrchr(name, '/') + 1, &first) : -1;
      free(name);
    }
  stralloc_free(&old);
  stralloc_free(&new);
  return result;
}

int generations_changes(stralloc *words, char const *state, unsigned int from, unsigned int to)
{
  generation old = GENERATION_ZERO, new = GENERATION_ZERO;
  size_t base = words->len;
  int moved, first = 1, result = -1;

  if ((from && generation_load(&old, state, from) < 0) || generation_load(&new, state, to) < 0) goto end;
  moved = old.set.len && new.set.len &&strcmp(old.set.s, new.set.s);
  if (add_services(words, base, "adds ", &new, &old, 0) < 0 ||
      add_services(words, base, "removes ", &old, &new, 0) < 0 ||
      (!moved && add_services(words, base, "changes ", &new, &old, 1) < 0) ||
      (moved && add_word(words, base, "software ", new.set.s, &first) < 0) ||
      (from && add_programs(words, base, state, from, to) < 0))
    goto end;
  result = words->len > base ? 0 : service_append(words, "no service changes");
end:
  generation_free(&old);
  generation_free(&new);
  return result;
}

/* --- the list ------------------------------------------------------------------------------------ */

/* The rest of the line that begins with word, and a NUL; empty where there is none. */
static void find_line(stralloc *line, stralloc const *text, char const *word)
{
  size_t n = strlen(word);
  char const *end;

  line->len = 0;
  for (char const *s = text->s; text->len && s < text->s + text->len; s = end + 1)
  {
    size_t left = (size_t)(text->s + text->len - s);
    end = memchr(s, '\n', left);
    if (!end) end = s + left;
    if ((size_t)(end - s) < n || memcmp(s, word, n)) continue;
    (void)stralloc_catb(line, s + n, (size_t)(end - s) - n);
    break;
  }
  (void)stralloc_0(line);
}

static char const *health_of(stralloc *note, char const *state, unsigned int number)
{
  note->len = 0;
  if (generation_file(note, state, number, GENERATION_HEALTH) < 0 || !stralloc_0(note)) return "not known";
  note->s[strcspn(note->s, "\n")] = 0;
  if (!strcmp(note->s, "left")) return "healthy, rolled back from";
  return strcmp(note->s, "begun") ? note->s : "not brought up to its end";
}

static void show_current(char const *state)
{
  char when[WORDS_MAX];
  pending p;

  if (pending_read(&p, state) < 0)
    printf(" (current)");
  else
  {
    words_time(when, &p.deadline);
    when[strcspn(when, ".")] = 0;
    printf(" (current, back to %u unless confirmed by %s)", p.back, when);
  }
}

/* A block each: a line to find it by, and what there is to know below it. */
static int show(char const *state, unsigned int number, unsigned int before, unsigned int current)
{
  stralloc about = STRALLOC_ZERO, line = STRALLOC_ZERO, note = STRALLOC_ZERO, words = STRALLOC_ZERO;
  generation g = GENERATION_ZERO;
  char when[WORDS_MAX] = "at an unknown time";
  tain made;

  (void)generation_file(&about, state, number, GENERATION_ABOUT);
  find_line(&line, &about, "made ");
  if (timestamp_scan(line.s, &made)) words_time(when, &made);
  when[strcspn(when, ".")] = 0;
  find_line(&line, &about, "command ");
  printf("%u", number);
  if (number == current) show_current(state);
  printf("  %s  by `%s`\n", when, *line.s ? line.s : "up");
  printf("    %s\n", health_of(&note, state, number));
  if (generations_changes(&words, state, before, number) < 0 || !stralloc_0(&words))
    printf("    its manifest cannot be read\n");
  else
    printf("    %s\n", words.s);
  if (generation_load(&g, state, number) >= 0 && g.set.len) printf("    of %s\n", g.set.s);
  generation_free(&g);
  stralloc_free(&about);
  stralloc_free(&line);
  stralloc_free(&note);
  stralloc_free(&words);
  return 0;
}

int command_generations(context const *cx, int argc, char const *const *argv)
{
  genalloc numbers = GENALLOC_ZERO;
  unsigned int current = 0, before = 0;
  char *state = argc > 1 ? 0 : find_state(cx);
  int status = 0;

  if (argc > 1) return usage_error(argv[0], "it takes nothing");
  if (!state) return EXIT_SYSTEM;
  if (generation_list(&numbers, state) < 0 || generation_current(state, &current) < 0)
  {
    say_cannot("read the generations below ", state);
    status = EXIT_SYSTEM;
  }
  for (size_t i = 0; !status && i < genalloc_len(unsigned int, &numbers); i++)
  {
    unsigned int number = genalloc_s(unsigned int, &numbers)[i];
    show(state, number, before, current);
    before = number;
  }
  genalloc_free(unsigned int, &numbers);
  free(state);
  return status;
}

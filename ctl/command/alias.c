#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <runlib/entries.h>

#include <ctl/command/people.h>
#include <ctl/say.h>

typedef struct alias_edit_s alias_edit;
struct alias_edit_s
{
  people *p;
  char const *name;
  char const *const *targets; /* empty: with del, all */
  int add;
};

/* What would be no file of aliases is not written. */
static int alias_examine(alias_edit const *e, stralloc const *text)
{
  section const *spool = bundle_section(&e->p->w.b, "spool");
  mapping m = MAPPING_ZERO;
  unsigned int line;
  char const *wrong = 0;
  char number[16];
  int r;

  m.programs = spool && section_number(spool, "programs");
  r = mapping_set_aliases(&m, text->s, text->len, &line, &wrong);

  mapping_free(&m);
  if (!r) return 0;
  if (!wrong) return -1;
  snprintf(number, sizeof number, "%u", line);
  say("alias: nothing is changed: ", e->p->aliases.s, ":", number, " would be wrong: ", wrong);
  return (errno = EPROTO, -1);
}

static int alias_change(stralloc *out, char const *text, size_t len, void *data)
{
  alias_edit const *e = data;
  stralloc was = STRALLOC_ZERO;
  int n = e->add ? entries_add(out, text, len, e->name, e->targets) : 0, r;

  if (!e->add && !*e->targets) n = entries_remove(out, text, len, e->name, 0);
  if (!e->add && *e->targets && !stralloc_copyb(&was, text, len)) n = -1;
  for (char const *const *t = e->targets; !e->add && n >= 0 && *t; t++)
  {
    out->len = 0;
    r = entries_remove(out, was.s, was.len, e->name, *t);
    n = r < 0 || !stralloc_copy(&was, out) ? -1 : n + r;
  }
  stralloc_free(&was);
  return n <= 0 ? n : alias_examine(e, out) < 0 ? -1 : n;
}

/* Mail for it that would come back is worth a word. */
static void alias_warn(people *p, char const *name)
{
  stralloc directories = STRALLOC_ZERO, why = STRALLOC_ZERO;

  people_reload(p);
  if (mapping_find(&p->map, name, strlen(name), &people_exists, p, &directories, &why) == 0 &&
      stralloc_0(&why))
    say("alias: warning: ", name, " leads nowhere: ", why.s);
  stralloc_free(&directories);
  stralloc_free(&why);
}

static int alias_run(people *p, char const *name, char const *const *targets, int add)
{
  alias_edit e = {.p = p, .name = name, .targets = targets, .add = add};
  int n, status = people_edit(p, &p->aliases, &alias_change, &e, &n);

  if (status) return status;
  if (!n) say("alias: ", name, add ? " has all of these already" : ": no such alias, or target of it");
  if (n && add) alias_warn(p, name);
  return n ? 0 : EXIT_NO;
}

static int alias_list(people const *p)
{
  alias const *a = genalloc_s(alias, &p->map.aliases);

  for (size_t n = genalloc_len(alias, &p->map.aliases); n; n--, a++)
  {
    char const *separator = "\t";
    fputs(p->map.text.s + a->name, stdout);
    for (char const *t = p->map.text.s + a->targets; *t; t += strlen(t) + 1, separator = ", ")
      printf("%s%s", separator, t);
    putchar('\n');
  }
  return 0;
}

int command_alias(context const *cx, int argc, char const *const *argv)
{
  char const *what = argc > 1 ? argv[1] : "list";
  int add = !strcmp(what, "add");
  people p;
  int status;

  if (strcmp(what, "list") && !add && strcmp(what, "del")) return usage_error(argv[0], "list, add or del");
  if (!strcmp(what, "list") ? argc > 2 : argc < 3 + add)
    return usage_error(argv[0], add ? "add takes NAME and its TARGETs" : "del takes NAME, list nothing");
  status = people_load(&p, cx, argv[0]);
  if (!status && !p.aliases.len)
  {
    say("alias: the bundle has no spool of its own");
    status = EXIT_NO;
  }
  if (!status) status = !strcmp(what, "list") ? alias_list(&p) : alias_run(&p, argv[2], argv + 3, add);
  people_free(&p);
  return status;
}

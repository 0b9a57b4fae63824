#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/types.h>

#include <ctl/live/live.h>
#include <ctl/live/orphan.h>
#include <ctl/live/servicedir.h>
#include <ctl/machine/formats.h>
#include <ctl/machine/load.h>
#include <ctl/machine/machine.h>
#include <ctl/plan/manifest.h>
#include <ctl/say.h>

static int no_memory(void)
{
  say_cannot("make the plan");
  return EXIT_SYSTEM;
}

static int no_file(context const *cx)
{
  int missing = errno == ENOENT;

  say_cannot("read ", cx->file);
  if (missing) say("`mailctl init DIR` writes one; `mailctl -c FILE` names another");
  return missing ? EXIT_CONF : EXIT_SYSTEM;
}

/*
 * No mistake hides another, in the file or in the machine: people mend all of them in one go. What was brought up last is
 * not kept back by what is wrong with one of its services.
 */
static int make(wanted *w, context const *cx, int machine, report *r)
{
  unsigned int in_bundle;

  if (bundle_fill(&w->b, &w->c, cx->libexec, cx->bin, cx->root) < 0) return no_memory();
  if (machine) machine_check_bundle(&w->b, r);
  if (plan_make(&w->p, &w->b, r) < 0) return no_memory();
  if (!r->errors && !plan_count(&w->p))
    report_line(r, 0,
                "there is no service in it: a bundle needs a section such as [smtpd] (`mailctl init DIR` "
                "writes one with all)");
  in_bundle = r->errors;
  if (machine) machine_check_plan(&w->b, &w->p, r);
  return in_bundle || (r->errors && !cx->stored) ? EXIT_CONF : 0;
}

static void print(report *r)
{
  allwrite(2, r->text.s, r->text.len);
  report_free(r);
}

/* A missing or broken file still says, or does not say, where STATE is. Returns 1 if it is such a one. */
static int parse_leniently(conf *c, context const *cx, int *missing)
{
  char const *file = cx->file;
  report r = REPORT_ZERO;
  int result;

  r.file = file;
  c->set = cx->set;
  result = conf_read(c, file, &r);
  *missing = result < 0 && errno == ENOENT;
  if (*missing) result = conf_parse(c, file, "", 0, &r);
  if (!result) result = *missing || r.errors;
  report_free(&r);
  return result;
}

/* 0: into c; 1: it is what `now` has, parsed already, as it mostly is; -1 and errno. */
static int parse_stored(conf *c, conf const *now, char const *file, char const *state, char const *set)
{
  report r = REPORT_ZERO;
  stralloc path = STRALLOC_ZERO;
  stralloc bytes = STRALLOC_ZERO;
  int result = -1;

  r.file = file;
  c->set = set;
  if (stralloc_cats(&path, state) && stralloc_cats(&path, "/current/mailctl.conf") && stralloc_0(&path) &&
      openslurpclose(&bytes, path.s))
    result = bytes.len == now->bytes.len && !memcmp(bytes.s, now->bytes.s, bytes.len)
                 ? 1
                 : conf_parse(c, file, bytes.s, bytes.len, &r);
  stralloc_free(&path);
  stralloc_free(&bytes);
  report_free(&r);
  return result;
}

static int load_last(stored *s, context const *cx, int *missing)
{
  char const *state;
  int same;

  if ((s->broken = parse_leniently(&s->now, cx, missing)) < 0 ||
      bundle_fill(&s->b, &s->now, cx->libexec, cx->bin, cx->root) < 0)
  {
    say_cannot("read ", cx->file);
    return EXIT_SYSTEM;
  }
  state = s->b.state;
  if (generation_read(&s->g, state) < 0 ||
      (s->g.number &&
       ((same = parse_stored(&s->c, &s->now, cx->file, state, s->g.set.len ? s->g.set.s : cx->set)) < 0 ||
        (!same && bundle_fill(&s->b, &s->c, cx->libexec, cx->bin, cx->root) < 0))))
  {
    say_cannot("read the generation at ", state, "/current");
    return EXIT_SYSTEM;
  }
  return 0;
}

/*
 * What runs and is no longer in the generation: `up NAME` has not ended it. It comes behind the others, so that status
 * shows it, plan tells of it and down takes it down.
 */
static int load_left(stored *s)
{
  genalloc names = GENALLOC_ZERO;
  stralloc dir = STRALLOC_ZERO;
  live_status st;
  int result = 0;

  (void)orphan_names(&names, &s->b);
  for (size_t i = 0; i < genalloc_len(char *, &names); i++)
  {
    entry left = {.name = genalloc_s(char *, &names)[i], .left = 1};
    /* No service has a dot in its name: somebody's copy. */
    if (!result && !strchr(left.name, '.') && !generation_find(&s->g, left.name) &&
        !servicedir_path(&dir, s->b.run, left.name, "") && !live_read(dir.s, &st) && st.supervised)
      result = genalloc_append(entry, &s->g.entries, &left) ? 0 : -1;
    else
      free(left.name);
  }
  genalloc_free(char *, &names);
  stralloc_free(&dir);
  return result;
}

int stored_load(stored *s, context const *cx)
{
  int missing;
  int status = load_last(s, cx, &missing);

  if (!status && s->g.number && load_left(s) < 0)
  {
    say_cannot("see what runs in ", s->b.run);
    status = EXIT_SYSTEM;
  }
  return !status && missing && !s->g.number ? (errno = ENOENT, no_file(cx)) : status;
}

/* Where it is just what the file has, its problems have been said. */
static int make_stored(wanted *w, context const *cx, int machine, stored const *s)
{
  int same = !s->c.bytes.len;
  stralloc const *bytes = same ? &s->now.bytes : &s->c.bytes;
  report r = REPORT_ZERO;
  stralloc path = STRALLOC_ZERO;
  int status;

  if (!stralloc_cats(&path, s->b.state) || !stralloc_cats(&path, "/current/mailctl.conf") ||
      !stralloc_0(&path))
    return no_memory();
  r.file = path.s;
  w->c.set = cx->set;
  status = conf_parse(&w->c, cx->file, bytes->s, bytes->len, &r) < 0 ? no_memory() : make(w, cx, machine, &r);
  if (same)
    report_free(&r);
  else
    print(&r);
  stralloc_free(&path);
  return status;
}

static int load_stored(wanted *w, context const *cx, int machine)
{
  stored s = STORED_ZERO;
  int missing;
  int status = load_last(&s, cx, &missing);

  if (!status) status = s.g.number ? make_stored(w, cx, machine, &s) : EXIT_CONF;
  stored_free(&s);
  return status;
}

static int load_file(wanted *w, context const *cx, int machine)
{
  report r = REPORT_ZERO;
  int status;

  r.file = cx->file;
  w->c.set = cx->set;
  status = conf_read(&w->c, cx->file, &r) < 0 ? no_file(cx) : make(w, cx, machine, &r);
  w->notes = r.notes;
  r.notes = (stralloc)STRALLOC_ZERO;
  print(&r);
  return status;
}

/* --- what a generation keeps --------------------------------------------------------------------- */

static int no_generation(char const *state, char const *number, char const *why)
{
  if (why)
    say("generation ", number, " cannot be brought up: ", why);
  else
    say_cannot("read generation ", number, " below ", state, "/generations");
  return EXIT_SYSTEM;
}

/* The programs of its own set, which no moving link leads to. They live as long as the process. */
static int fill_kept(wanted *w, context const *cx, char const *set)
{
  char *bin, *libexec;

  if (asprintf(&bin, "%s/bin", set) < 0 || asprintf(&libexec, "%s/libexec/mailctl", set) < 0) return -1;
  return bundle_fill(&w->b, &w->c, libexec, bin, cx->root);
}

/* Whether the software of that set can read the data as they are. Another than ours is asked. */
static int fits(char const *state, char const *set, int another)
{
  stralloc table = STRALLOC_ZERO;
  int status = (another ? formats_ask(&table, set) : formats_own(&table)) < 0
                   ? no_memory()
                   : formats_fit(state, &table, set);

  stralloc_free(&table);
  return status;
}

/* Whether the set of the current generation could read what ours may write. */
static int returns(context const *cx, char const *state)
{
  generation g = GENERATION_ZERO;
  stralloc table = STRALLOC_ZERO;
  int status = 0;

  if (!cx->one_way && generation_read(&g, state) >= 0 && g.set.len && strcmp(g.set.s, cx->set) &&
      formats_ask(&table, g.set.s) >= 0)
    status = formats_return(&table, g.set.s);
  generation_free(&g);
  stralloc_free(&table);
  return status;
}

int kept_load(wanted *w, context const *cx, char const *state, unsigned int number)
{
  report r = REPORT_ZERO;
  stralloc bytes = STRALLOC_ZERO, manifest = STRALLOC_ZERO, set = STRALLOC_ZERO, wrong = STRALLOC_ZERO;
  char name[UINT_FMT + 1];
  int status = 0;

  name[uint_fmt(name, number)] = 0;
  r.file = cx->file;
  w->p.bundle = &w->b;
  if (generation_file(&bytes, state, number, "mailctl.conf") < 0 ||
      generation_file(&manifest, state, number, "manifest") < 0 ||
      plan_read(&w->p, &set, manifest.s, manifest.len) < 0 || (w->c.set = set.len ? set.s : 0, 0) ||
      conf_parse(&w->c, cx->file, bytes.s, bytes.len, &r) < 0)
    status = no_generation(state, name, 0);
  else if (!set.len)
    status = no_generation(state, name, "it was made by an older mailctl; take its mailctl.conf instead");
  else if (fill_kept(w, cx, set.s) < 0)
    status = no_memory();
  else if (generation_verify(state, number, &w->p, &wrong) < 0)
  {
    status = no_generation(state, name, errno == EILSEQ ? "a file is not what was written" : 0);
    say("it is ", wrong.s);
  }
  else
    status = fits(state, set.s, strcmp(set.s, cx->set) != 0);
  w->c.set = 0;
  stralloc_free(&bytes);
  stralloc_free(&manifest);
  stralloc_free(&set);
  stralloc_free(&wrong);
  report_free(&r);
  return status;
}

int wanted_load(wanted *w, context const *cx, int machine)
{
  int status = cx->stored ? load_stored(w, cx, machine) : load_file(w, cx, machine);

  if (!status) status = fits(w->b.state, cx->set, 0);
  return status || !machine ? status : returns(cx, w->b.state);
}

void wanted_free(wanted *w)
{
  stralloc_free(&w->notes);
  plan_free(&w->p);
  conf_free(&w->c);
}

char *find_state(context const *cx)
{
  conf c = CONF_ZERO;
  bundle b;
  char *state = 0;
  int missing;

  if (parse_leniently(&c, cx, &missing) < 0 || bundle_fill(&b, &c, cx->libexec, cx->bin, cx->root) < 0 ||
      !(state = strdup(b.state)))
    say_cannot("read ", cx->file);
  conf_free(&c);
  return state;
}

void stored_free(stored *s)
{
  generation_free(&s->g);
  conf_free(&s->c);
  conf_free(&s->now);
}

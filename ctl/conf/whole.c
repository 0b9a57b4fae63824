#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <skalibs/genalloc.h>

#include <runlib/address.h>

#include <services/contract/bundle.h>
#include <services/contract/kinds.h>
#include <services/contract/service.h>

#include <ctl/conf/suggest.h>

#include "conf-internal.h"

#define ADDRESSES_TOTAL 512

/* Calls f for every value of every section. */
static int each_value(conf const *c, key_type type, int (*f)(section const *, value const *, void *),
                      void *data)
{
  section const *s = genalloc_s(section, &c->sections);

  for (size_t n = genalloc_len(section, &c->sections); n; n--, s++)
  {
    value const *v = genalloc_s(value, &s->values);
    for (size_t m = genalloc_len(value, &s->values); m; m--, v++)
      if (v->key->type == type && f(s, v, data) < 0) return -1;
  }
  return 0;
}

/* The line of a value, or of its section where it is the default. */
static unsigned int line_of(section const *s, value const *v)
{
  return v->line ? v->line : s->line;
}

/* --- two services on one address ---------------------------------------------------------------- */

typedef struct listener_s listener;
struct listener_s
{
  address where;
  section const *section;
  unsigned int line;
};

typedef struct listeners_s listeners;
struct listeners_s
{
  genalloc list; /* of listener */
  report *r;
};

static void clash(listeners *l, section const *s, value const *v, char const *text, listener const *other)
{
  char what[ADDRESS_FMT];

  address_fmt(what, &other->where);
  conf_say(l->r, line_of(s, v), s, v->key->name, "%s: [%s%s%s] listens on %s already%s", text,
           other->section->kind->name, *other->section->argument ? " " : "", other->section->argument, what,
           other->line ? "" : " (its default)");
}

static int add_listener(listeners *l, section const *s, value const *v, char const *text)
{
  listener one = {.section = s, .line = v->line};
  listener const *other = genalloc_s(listener, &l->list);
  size_t n = genalloc_len(listener, &l->list);

  if (address_scan(text, &one.where)) return 0; /* reported when it was read */
  if (n >= ADDRESSES_TOTAL)
  {
    if (n == ADDRESSES_TOTAL) conf_say(l->r, line_of(s, v), s, v->key->name, "too many addresses in all");
    return n == ADDRESSES_TOTAL && !genalloc_append(listener, &l->list, &one) ? -1 : 0;
  }
  for (; n; n--, other++)
    if (address_clash(&other->where, &one.where))
    {
      clash(l, s, v, text, other);
      break;
    }
  return genalloc_append(listener, &l->list, &one) ? 0 : -1;
}

static int listeners_of(section const *s, value const *v, void *data)
{
  char const *rest = v->text;
  char const *word;

  for (size_t n; (n = list_word(&rest, &word));)
  {
    char text[ADDRESS_FMT];
    snprintf(text, sizeof text, "%.*s", (int)n, word);
    if (add_listener(data, s, v, text) < 0) return -1;
  }
  return 0;
}

static int check_addresses(conf const *c, report *r)
{
  listeners l = {.list = GENALLOC_ZERO, .r = r};
  int result = each_value(c, KEY_ADDRESSES, listeners_of, &l);

  genalloc_free(listener, &l.list);
  return result;
}

/* --- names of services -------------------------------------------------------------------------- */

typedef struct needs_s needs;
struct needs_s
{
  conf const *c;
  bundle const *b;
  report *r;
};

static int has_section(conf const *c, section_kind const *kind, char const *argument)
{
  section const *s = genalloc_s(section, &c->sections);

  for (size_t n = genalloc_len(section, &c->sections); n; n--, s++)
    if (!strcmp(s->kind->name, kind->name) && (!argument || !strcmp(s->argument, argument))) return 1;
  return 0;
}

static int kind_present(needs const *n, service_kind const *k)
{
  return k->present ? k->present(n->b) : has_section(n->c, &k->section, 0);
}

/* Whether the bundle has a service of that name; near gathers the ones that it has. */
static int service_there(needs const *n, char const *name, suggest *near)
{
  kinds_walk w = KINDS_WALK_ZERO;
  section const *s = genalloc_s(section, &n->c->sections);
  service_kind const *k;

  while ((k = kinds_next(&w)))
  {
    char const *own = kind_service(k);
    if (!own || !kind_present(n, k)) continue;
    if (!strcmp(own, name)) return 1;
    suggest_try(near, own);
  }
  for (size_t m = genalloc_len(section, &n->c->sections); m; m--, s++)
    if (*s->argument && !strcmp(s->kind->name, "service"))
    {
      if (!strcmp(s->argument, name)) return 1;
      suggest_try(near, s->argument);
    }
  return 0;
}

/* Whether some bundle could have it: then what is missing is its section. */
static int service_known(char const *name)
{
  kinds_walk w = KINDS_WALK_ZERO;
  service_kind const *k;

  while ((k = kinds_next(&w)))
    if (kind_service(k) && !strcmp(kind_service(k), name)) return 1;
  return 0;
}

static void check_need(needs const *n, section const *s, value const *v, char const *name)
{
  unsigned int line = line_of(s, v);
  suggest near;

  suggest_start(&near, name);
  if (service_there(n, name, &near)) return;
  if (service_known(name))
    conf_say(n->r, line, s, v->key->name, "this bundle has no service `%s`: its section is missing", name);
  else if (near.best)
    conf_say(n->r, line, s, v->key->name, "there is no service `%s` (did you mean `%s`?)", name, near.best);
  else
    conf_say(n->r, line, s, v->key->name, "there is no service `%s`", name);
}

static int needs_of(section const *s, value const *v, void *data)
{
  char const *rest = v->text;
  char const *word;

  if (!v->line) return 0; /* a default may name what a bundle need not have */
  for (size_t n; (n = list_word(&rest, &word));)
  {
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)n, word);
    check_need(data, s, v, name);
  }
  return 0;
}

/* Names that the bundle uses itself, in RUN/servicedirs, LOG, `needs` and `mailctl log`. */
static int taken(char const *name)
{
  return kinds_section(name) || service_known(name) || !strcmp(name, "log") || !strcmp(name, "s6-svscan") ||
         !strcmp(name, "supervisor");
}

static void check_names(conf const *c, report *r)
{
  section const *s = genalloc_s(section, &c->sections);

  for (size_t n = genalloc_len(section, &c->sections); n; n--, s++)
  {
    if (!strcmp(s->kind->name, "service") && taken(s->argument))
      conf_say(r, s->line, s, 0, "a service of the bundle itself has this name: choose another");
    if (!strcmp(s->kind->name, "limit") && kinds_section("rater") &&
        !has_section(c, kinds_section("rater"), 0))
      conf_say(r, s->line, s, 0, "nobody keeps this limit: the section [rater] is missing");
  }
}

/* --- [bundle] and paths ------------------------------------------------------------------------- */

static char const *hostname_wrong(char const *name)
{
  size_t len = strlen(name);
  size_t label = 0;

  if (len > 253) return "longer than 253 bytes";
  for (size_t i = 0; i <= len; i++)
  {
    if (i < len && name[i] != '.')
    {
      int letter = (name[i] >= 'a' && name[i] <= 'z') || (name[i] >= 'A' && name[i] <= 'Z') ||
                   (name[i] >= '0' && name[i] <= '9');
      if (!letter && name[i] != '-' && name[i] != '_') return "not made of letters, digits, - and dots alone";
      label++;
      continue;
    }
    if (!label || label > 63 || name[i - 1] == '-' || name[i - label] == '-')
      return "not the name of a machine";
    label = 0;
  }
  return 0;
}

/* RUN/NAME.sock, for the longest NAME that a bundle has. */
static void check_run(section const *s, report *r)
{
  static char const longest[] = "/intake.submission";
  size_t len = strlen(section_text(s, "run")) + sizeof longest - 1;

  if (len > SOCKET_MAX)
    report_error(r, s, "run", "too long: the socket RUN%s would have %zu bytes, and the kernel takes %d",
                 longest, len, SOCKET_MAX);
}

static void check_bundle(section const *s, report *r)
{
  char const *control = section_text(s, "control");
  char const *group = section_text(s, "status-group");
  char const *wrong = hostname_wrong(section_text(s, "hostname"));

  if (wrong && section_says(s, "hostname"))
    report_error(r, s, "hostname", "`%s` is %s", section_text(s, "hostname"), wrong);
  if (strcmp(strrchr(control, '/'), "/control"))
    report_error(r, s, "control",
                 "%s: the directory must be called `control`, for that is where qmail programs look",
                 control);
  wrong = group ? conf_name_wrong(group) : 0;
  if (wrong) report_error(r, s, "status-group", "the group name `%s` is %s", group, wrong);
  check_run(s, r);
}

static int socket_of(section const *s, value const *v, void *data)
{
  size_t len = strlen(v->text);

  if (len > SOCKET_MAX && !strcmp(v->text + len - 5, ".sock"))
    conf_say(data, line_of(s, v), s, v->key->name,
             "too long for a socket: %zu bytes, and the kernel takes %d", len, SOCKET_MAX);
  return 0;
}

int conf_check_whole(conf *c, report *r)
{
  section const *first = genalloc_s(section, &c->sections);
  bundle b;
  needs n = {.c = c, .b = &b, .r = r};

  if (bundle_fill(&b, c, "", "", 0) < 0) return -1;
  check_bundle(first, r);
  check_names(c, r);
  if (check_addresses(c, r) < 0 || each_value(c, KEY_NAMES, needs_of, &n) < 0) return -1;
  return each_value(c, KEY_PATH, socket_of, r);
}

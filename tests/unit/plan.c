#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <services/contract/kinds.h>

#include <ctl/conf/conf.h>
#include <ctl/plan/manifest.h>
#include <ctl/plan/plan.h>

#include "unit.h"

/* --- a small family of services, so that the tests stand still when the real ones change ---------- */

static int present(bundle const *b)
{
  return section_number(b->self, "mta") == 0;
}

/* Any service: its needs, one that no bundle has among them, data, and its command. */
static int make(service *sv, report *r)
{
  char const *needs = sv->section ? section_text(sv->section, "needs") : 0;
  char const *command = sv->section ? section_text(sv->section, "command") : 0;
  char const *word;
  size_t n;

  (void)r;
  if (service_add_need(sv, "nobody") < 0) return -1;
  while (needs && (n = list_word(&needs, &word)))
  {
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)n, word);
    if (service_add_need(sv, name) < 0) return -1;
  }
  if (service_add_text(sv, "data/size", 0644, "%ju\n",
                       (uintmax_t)(sv->section ? section_number(sv->section, "size") : 0)) < 0)
    return -1;
  return service_add_run(sv, command ? command : "true", 5000);
}

static key const keys[] = {{.name = "command", .type = KEY_COMMAND, .help = "what it runs"},
                           {.name = "needs", .type = KEY_NAMES, .help = "what is started before it"},
                           {.name = "size", .type = KEY_SIZE, .fallback = "1M", .help = "how much"},
                           {.name = "user", .type = KEY_USER, .help = "whom it runs as"},
                           {.name = 0}};

static service_kind const web_kinds[] = {
    {.section = {.name = "web", .help = "A web server", .keys = keys}, .make = make, .reloads = 1},
    {.section = {.name = "page", .argument = "NAME", .help = "No service", .keys = keys}},
    {.section = {.name = 0}}};
static service_kind const other_kinds[] = {
    {.section = {.name = "service", .argument = "NAME", .help = "Any daemon", .keys = keys}, .make = make},
    {.section = {.name = "spool", .help = "Had in any case", .keys = keys}, .make = make, .present = present},
    {.section = {.name = 0}, .service = "qmail-send", .present = bundle_qmail, .make = make},
    {.section = {.name = 0}}};
service_kind const *const kinds[] = {web_kinds, other_kinds, 0};

/* --- plans ----------------------------------------------------------------------------------------- */

typedef struct made_s made;
struct made_s
{
  conf c;
  bundle b;
  report r;
  plan p;
};

static void make_plan(made *m, char const *text, int root)
{
  static made const zero = {.c = CONF_ZERO, .r = REPORT_ZERO, .p = PLAN_ZERO};

  *m = zero;
  m->r.file = "f";
  ck_assert_int_eq(conf_parse(&m->c, "/etc/f", text, strlen(text), &m->r), 0);
  ck_assert_msg(!m->r.errors, "%.*s", (int)m->r.text.len, m->r.text.s);
  ck_assert_int_eq(bundle_fill(&m->b, &m->c, "/lib", "/bin", root), 0);
  ck_assert_int_eq(plan_make(&m->p, &m->b, &m->r), 0);
}

static void end_plan(made *m)
{
  plan_free(&m->p);
  report_free(&m->r);
  conf_free(&m->c);
}

/* The services in start order, with a blank behind each. */
static char const *order(plan const *p)
{
  static char names[256];

  *names = 0;
  for (size_t i = 0; i < plan_count(p); i++) strcat(strcat(names, plan_services(p)[i].sv.name), " ");
  return names;
}

static char const *file_of(plan const *p, char const *name, char const *path)
{
  static stralloc sa = STRALLOC_ZERO;
  planned const *ps = plan_find(p, name);
  service_file const *f = genalloc_s(service_file, &ps->sv.files);

  for (size_t n = genalloc_len(service_file, &ps->sv.files); n; n--, f++)
    if (!strcmp(f->path, path))
    {
      sa.len = 0;
      ck_assert(stralloc_catb(&sa, f->bytes.s, f->bytes.len) && stralloc_0(&sa));
      return sa.s;
    }
  return "";
}

static struct
{
  char const *text;
  char const *order;
} const orders[] = {
    {"", "spool "},
    {"[bundle]\nmta = qmail\n", "qmail-send "},
    {"[web]\n[page a]\n", "spool web "},
    {"[service b]\ncommand = x\n[service a]\ncommand = x\n[service c]\ncommand = x\n", "a b c spool "},
    {"[service a]\nneeds = c\n[service b]\n[service c]\nneeds = d\n[service d]\n", "b d c a spool "},
    {"[web]\n[spool]\nneeds = web\n", "web spool "},
};

START_TEST(they_are_in_start_order)
{
  made m;

  make_plan(&m, orders[_i].text, 0);
  ck_assert_str_eq(order(&m.p), orders[_i].order);
  ck_assert_uint_eq(m.r.errors, 0);
  for (size_t i = 0; i < plan_count(&m.p); i++)
    for (size_t n = genalloc_len(char *, &plan_services(&m.p)[i].sv.needs); n; n--)
      ck_assert_ptr_nonnull(plan_find(&m.p, genalloc_s(char *, &plan_services(&m.p)[i].sv.needs)[n - 1]));
  end_plan(&m);
}
END_TEST

START_TEST(a_cycle_is_said_with_its_members)
{
  made m;

  make_plan(
      &m, "[service z]\nneeds = a\n[service a]\nneeds = b\n[service b]\nneeds = c\n[service c]\nneeds = a\n",
      0);
  ck_assert_uint_eq(m.r.errors, 1);
  ck_assert(stralloc_0(&m.r.text));
  ck_assert_str_eq(m.r.text.s,
                   "f:6: [service b] needs: a cycle: b needs c needs a needs b; take one of these out\n");
  end_plan(&m);
}
END_TEST

/* A name chooses the service and all that it needs. */
START_TEST(the_chosen_bring_their_needs)
{
  static char const *const names[] = {"a", "d"};
  made m;

  make_plan(
      &m, "[service a]\nneeds = b\n[service b]\nneeds = c\n[service c]\n[service d]\n[web]\nneeds = a\n", 0);
  ck_assert(plan_chosen(&m.p, "a", 1, names) && plan_chosen(&m.p, "c", 1, names));
  ck_assert(!plan_chosen(&m.p, "d", 1, names) && plan_chosen(&m.p, "d", 2, names));
  ck_assert(!plan_chosen(&m.p, "web", 2, names) && !plan_chosen(&m.p, "spool", 2, names));
  ck_assert(plan_chosen(&m.p, "spool", 0, names));
  end_plan(&m);
}
END_TEST

START_TEST(each_has_its_user)
{
  made m;

  make_plan(&m, "[bundle]\nuser = daemon\n[web]\nuser = nobody\n[service a]\n", 1);
  ck_assert_str_eq(plan_find(&m.p, "web")->sv.user, "nobody");
  ck_assert_str_eq(plan_find(&m.p, "a")->sv.user, "daemon");
  ck_assert_str_eq(plan_find(&m.p, "spool")->sv.user, "daemon");
  ck_assert_ptr_nonnull(strstr(file_of(&m.p, "web", "run"), "\ns6-setuidgid nobody\n"));
  ck_assert_ptr_nonnull(strstr(file_of(&m.p, "web", "log/run"), "\ns6-setuidgid daemon\n"));
  end_plan(&m);
  make_plan(&m, "[bundle]\nuser = daemon\n[web]\nuser = nobody\n", 0);
  ck_assert_ptr_null(strstr(file_of(&m.p, "web", "run"), "s6-setuidgid"));
  ck_assert_ptr_null(strstr(file_of(&m.p, "web", "log/run"), "s6-setuidgid"));
  end_plan(&m);
}
END_TEST

/* --- hashes: what a change leads to, a restart, a HUP, a restart of the logger, or nothing ---------- */

#define BASE "[web]\ncommand = x\n[service a]\ncommand = y\n"

static struct
{
  char const *text;
  char const *changed; /* of web, then of a: C content, D data, L log */
} const changes[] = {
    {BASE, ""},
    {"# a comment\n\n[service a]\ncommand   =   y\n[web]\ncommand = x\n", ""},
    {"[web]\ncommand = z\n[service a]\ncommand = y\n", "wC"},
    {"[web]\ncommand = x\nsize = 2M\n[service a]\ncommand = y\n", "wD"},
    {"[web]\ncommand = x\n[service a]\ncommand = y\nsize = 2M\n", "aC"}, /* it does not reload */
    {"[bundle]\nlog-files = 3\n" BASE, "wLaL"},
    {"[web]\ncommand = x\nneeds = a\n[service a]\ncommand = y\n", ""}, /* the order alone */
};

static void tell(stralloc *sa, char letter, planned const *old, planned const *new)
{
  if (strcmp(old->content, new->content)) ck_assert_int_eq(service_append(sa, "%cC", letter), 0);
  if (strcmp(old->data, new->data)) ck_assert_int_eq(service_append(sa, "%cD", letter), 0);
  if (strcmp(old->log, new->log)) ck_assert_int_eq(service_append(sa, "%cL", letter), 0);
}

START_TEST(hashes_tell_what_changed)
{
  stralloc sa = STRALLOC_ZERO;
  made old;
  made new;

  make_plan(&old, BASE, 0);
  make_plan(&new, changes[_i].text, 0);
  tell(&sa, 'w', plan_find(&old.p, "web"), plan_find(&new.p, "web"));
  tell(&sa, 'a', plan_find(&old.p, "a"), plan_find(&new.p, "a"));
  ck_assert(stralloc_0(&sa));
  ck_assert_str_eq(sa.s, changes[_i].changed);
  stralloc_free(&sa);
  end_plan(&old);
  end_plan(&new);
}
END_TEST

START_TEST(scripts_record_their_own_hash)
{
  made m;
  char words[128];

  make_plan(&m, BASE, 0);
  snprintf(words, sizeof words, "\n/lib/started %s /etc/run /etc/state/journal web\n",
           plan_find(&m.p, "web")->content);
  ck_assert_ptr_nonnull(strstr(file_of(&m.p, "web", "run"), words));
  snprintf(words, sizeof words, "\n/lib/started %s /etc/run /etc/state/journal web.log\n",
           plan_find(&m.p, "web")->log);
  ck_assert_ptr_nonnull(strstr(file_of(&m.p, "web", "log/run"), words));
  end_plan(&m);
}
END_TEST

/* The same file gives the same bytes, files in order of their paths. */
START_TEST(a_plan_is_pure)
{
  stralloc manifests[2] = {STRALLOC_ZERO, STRALLOC_ZERO};
  made m;

  for (int i = 0; i < 2; i++)
  {
    make_plan(&m, BASE, 0);
    ck_assert_int_eq(plan_manifest(&m.p, manifests + i), 0);
    for (size_t k = 0; k < plan_count(&m.p); k++)
    {
      genalloc const *files = &plan_services(&m.p)[k].sv.files;
      for (size_t n = 1; n < genalloc_len(service_file, files); n++)
        ck_assert_str_lt(genalloc_s(service_file, files)[n - 1].path,
                         genalloc_s(service_file, files)[n].path);
    }
    end_plan(&m);
  }
  ck_assert_uint_eq(manifests[0].len, manifests[1].len);
  ck_assert(!memcmp(manifests[0].s, manifests[1].s, manifests[0].len));
  ck_assert(!strncmp(manifests[0].s, "mailctl generation 2\nset ", 24));
}
END_TEST

int main(void)
{
  Suite *s = suite_create("plan");
  TCase *t = tcase_create("plan");

  tcase_add_loop_test(t, they_are_in_start_order, 0, sizeof orders / sizeof *orders);
  tcase_add_test(t, a_cycle_is_said_with_its_members);
  tcase_add_test(t, the_chosen_bring_their_needs);
  tcase_add_test(t, each_has_its_user);
  tcase_add_loop_test(t, hashes_tell_what_changed, 0, sizeof changes / sizeof *changes);
  tcase_add_test(t, scripts_record_their_own_hash);
  tcase_add_test(t, a_plan_is_pure);
  suite_add_tcase(s, t);
  return unit_run(s);
}

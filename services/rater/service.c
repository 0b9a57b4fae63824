#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <services/contract/where.h>

#include "rules.h"
#include "shared.h"

static key const rater_keys[] = {
    {.name = "listen",
     .type = KEY_ADDRESSES,
     .help = "TCP addresses for clients of the original rater; the unix socket is always there"},
    {.name = "policy",
     .type = KEY_ADDRESSES,
     .help = "TCP addresses for servers that ask by Postfix's policy protocol: Postfix, Exim; see `policy` "
             "in [limit CLASS]"},
    {.name = "mode",
     .type = KEY_TEXT,
     .fallback = "0666",
     .help = "who may ask, as the octal mode of the unix socket; 0666: everybody on this machine"},
    {.name = "keys",
     .type = KEY_COUNT,
     .fallback = "100000",
     .min = 64,
     .max = 1000000000,
     .help = "how many keys the table has room for, at 43 bytes each"},
    {.name = "clients",
     .type = KEY_COUNT,
     .fallback = "1000",
     .min = 1,
     .max = 100000,
     .help = "how many clients may be connected at once"},
    {.name = "shared",
     .type = KEY_TEXT,
     .help = "where rules with `shared` count, for several machines: redis://ADDRESS:PORT/DB, unix:PATH or "
             "sentinel://MASTER@ADDRESS:PORT,.../DB"},
    {.name = "shared-password", .type = KEY_PATH, .help = "a file with Redis's PASSWORD, or USER PASSWORD"},
    {.name = "shared-timeout",
     .type = KEY_TIME,
     .fallback = "20ms",
     .min = 1,
     .max = 10000,
     .help = "nobody waits longer for Redis"},
    {.name = "shared-share",
     .type = KEY_COUNT,
     .fallback = "50",
     .min = 1,
     .max = 100,
     .help =
         "how much of a shared limit, in percent, this machine admits while Redis is away: 100 by the number "
         "of machines keeps the limit"},
    {.name = "user", .type = KEY_USER, .help = "whom raterd runs as"},
    {.name = 0}};

static key const limit_keys[] = {
    {.name = "rule",
     .type = KEY_TEXT,
     .repeat = 1,
     .help =
         "PATTERN COUNT/PERIOD [burst N] [COUNT/PERIOD...] [strict|leaky|forgiving] [observe] [penalty TIME] "
         "[delay TIME] [group /BITS] [local|shared], or PATTERN unlimited; the first that matches decides"},
    {.name = "policy",
     .type = KEY_TEXT,
     .repeat = 1,
     .help = "STATE VALUE [recipient_count|size]: what of a request of the policy protocol is counted at "
             "that state, "
             "such as END-OF-MESSAGE sasl_username recipient_count"},
    {.name = "block",
     .type = KEY_TEXT,
     .help = "an address that goes over a rule is blocked at the door for this TIME, and twice as long each "
             "time again; a second TIME is the most. Unset: never"},
    {.name = "window",
     .type = KEY_BOOL,
     .fallback = "no",
     .help = "nothing is counted: `rater --open CLASS VALUE TIME` lets a value in for a time, a rule's "
             "PERIOD at most "
             "(rule = NETWORK 1/30m); see window in [imap] and [submission]"},
    {.name = "counted-by",
     .type = KEY_TEXT,
     .help =
         "whose questions count: services of this file, or users; anybody else's are answered with an error. "
         "Unset: smtpd, submission, imap in authfail, errors, refused; anybody elsewhere"},
    {.name = 0}};

/* Appends the user of a service of this file, or (where user is set) of that name, to a line of rater-rules(5). */
static int add_asker(stralloc *list, bundle const *b, char const *name, size_t n, int user)
{
  char word[64];
  section const *s;
  char const *of = word;

  if (n >= sizeof word) n = sizeof word - 1;
  memcpy(word, name, n);
  word[n] = 0;
  s = bundle_section(b, word);
  if (s)
  {
    of = section_text(s, "user");
    if (!of || !*of) of = section_text(b->self, "user");
  }
  else if (!user)
    return 0;
  if (!of || !*of) return 0; /* root, who may everywhere */
  return stralloc_cats(list, list->len ? "," : "askers=") && stralloc_cats(list, of) ? 0 : -1;
}

/* The classes that smtpd counts in. */
static int is_sessions(char const *name)
{
  return !strcmp(name, "authfail") || !strcmp(name, "errors") || !strcmp(name, "refused");
}

/* Who may count in the class of s. A bundle that is not root's has one user, who is raterd's. */
static int add_askers(section const *s, bundle const *b, stralloc *users)
{
  char const *said = section_text(s, "counted-by");
  int window = section_number(s, "window") != 0;
  char const *list = said ? said : window ? "imap" : is_sessions(s->argument) ? "smtpd submission imap" : "";
  char const *word;
  size_t n;

  while (b->root && (n = list_word(&list, &word)))
    if (add_asker(users, b, word, n, said != 0) < 0) return -1;
  /* Whom nobody else opens it for: root, and raterd's own user, who always may. */
  if (window && !users->len && !stralloc_cats(users, "askers=root")) return -1;
  return stralloc_0(users) ? 0 : -1;
}

void rater_examine_window(bundle const *b, section const *s, report *r)
{
  char const *of = section_text(s, "window");
  section const *l = genalloc_s(section, b->sections);
  int found = 0;

  if (!of || !*of) return;
  for (size_t n = genalloc_len(section, b->sections); n; n--, l++)
    found |= !strcmp(l->kind->name, "limit") && !strcmp(l->argument, of) && section_number(l, "window");
  if (!bundle_section(b, "rater")) report_error(r, s, "window", "needs a section [rater], which keeps it");
  if (!found)
    report_error(r, s, "window",
                 "there is no [limit %s] with window = yes and a rule for the networks that may", of);
}

/* Lines of rater-rules(5) from a key of the section, each checked by raterd's own parser. */
static int add_lines(section const *s, char const *name, char const *before, rules *all, stralloc *text,
                     report *r)
{
  char error[RULES_ERROR_MAX];
  stralloc line = STRALLOC_ZERO;
  value const *v;
  int result = 0;

  for (size_t i = 0; !result && (v = section_nth(s, name, i)); i++)
  {
    line.len = 0;
    if (service_append(&line, "%s%s", before, v->text) < 0)
      result = -1;
    else if (!rules_add_to(all, s->argument, line.s, line.len, error))
      result = service_append(text, "%s %.*s\n", s->argument, (int)line.len, line.s);
    else if (errno == EINVAL)
      report_line(r, v->line, "[limit %s] %s: %s", s->argument, name, error);
    else
      result = -1;
  }
  stralloc_free(&line);
  return result;
}

static int add_class(section const *s, bundle const *b, rules *all, stralloc *text, report *r)
{
  char error[RULES_ERROR_MAX];
  stralloc users = STRALLOC_ZERO;
  int result = add_askers(s, b, &users);

  if (!result && users.s[0]) result = service_append(text, "%s %s\n", s->argument, users.s);
  stralloc_free(&users);
  if (result < 0) return -1;
  if (!section_nth(s, "rule", 0)) report_error(r, s, 0, "no rule");
  if (section_number(s, "window") && (rules_add_to(all, s->argument, "window", 6, error) < 0 ||
                                      service_append(text, "%s window\n", s->argument) < 0))
    return -1;
  return add_lines(s, "policy", "policy=", all, text, r) < 0 ||
                 add_lines(s, "block", "block=", all, text, r) < 0
             ? -1
             : add_lines(s, "rule", "", all, text, r);
}

static int rules_share(rules const *all)
{
  for (unsigned int i = 0; i < all->n; i++)
  {
    rule const *one = genalloc_s(rule, &all->classes[i].rules);
    for (size_t n = genalloc_len(rule, &all->classes[i].rules); n; n--, one++)
      if (one->limits[0].flags & LIMIT_SHARED) return 1;
  }
  return 0;
}

static int add_rules(service *sv, report *r)
{
  genalloc const *sections = sv->bundle->sections;
  section const *s = genalloc_s(section, sections);
  stralloc text = STRALLOC_ZERO;
  rules all = {.n = 0};
  int result = service_append(&text, "# rater-rules(5): CLASS PATTERN LIMIT [OPTION]...\n");

  for (size_t n = genalloc_len(section, sections); n && !result; n--, s++)
    if (!strcmp(s->kind->name, "limit")) result = add_class(s, sv->bundle, &all, &text, r);
  if (!result) result = service_add_file(sv, "data/rules", text.s, text.len, 0644);
  if (!section_says(sv->section, "shared") && rules_share(&all))
    report_error(r, sv->section, 0, "a rule is `shared`: say by which Redis, with the key shared");
  rules_free(&all);
  stralloc_free(&text);
  return result;
}

/* Redis, for rules with `shared`. */
static int add_shared(service *sv, stralloc *sa, report *r)
{
  section const *s = sv->section;
  char const *where = section_text(s, "shared"), *password = section_text(s, "shared-password");
  char const *wrong = where ? shared_wrong(where) : 0;

  if (wrong) report_error(r, s, "shared", "%s", wrong);
  if (!where) return 0;
  if (service_word(sa, " -S ", where, "") < 0 || (password && service_word(sa, " -A ", password, "") < 0))
    return -1;
  return service_append(sa, " -T %lu -F %lu", (unsigned long)section_number(s, "shared-timeout"),
                        (unsigned long)section_number(s, "shared-share"));
}

static int add_run(service *sv, report *r)
{
  bundle const *b = sv->bundle;
  stralloc sa = STRALLOC_ZERO;
  int result = -1;
  int tcp = section_value(sv->section, "listen") || section_value(sv->section, "policy");
  int drops = tcp && b->root && sv->user; /* by itself, as the door is root's */

  if (service_prelude(sv, &sa) < 0 || service_bind(sv, &sa, "/rater.sock", r) < 0 ||
      (drops ? service_append(&sa, "s6-envuidgid %s\n", sv->user) : service_drop(sv, &sa)) < 0 ||
      service_word(&sa, "", b->libexec, "/raterd") < 0 || service_append(&sa, " -d 3 -u 0") < 0 ||
      service_listen(sv, &sa, "listen", "-l") < 0 || service_listen(sv, &sa, "policy", "-p") < 0 ||
      (tcp && service_door(sv, &sa) < 0) || add_shared(sv, &sa, r) < 0 ||
      (drops && service_append(&sa, " -U") < 0) ||
      service_append(&sa, " -k %lu -c %lu", (unsigned long)section_number(sv->section, "keys"),
                     (unsigned long)section_number(sv->section, "clients")) < 0 ||
      service_word(&sa, " -t ", b->state, "/rater/table") < 0 ||
      service_word(&sa, " -b ", b->state, "/rater/blocks") < 0 || service_append(&sa, " data/rules\n") < 0)
    goto end;
  if (service_add_file(sv, "run", sa.s, sa.len, 0755) < 0 ||
      service_add_text(sv, "notification-fd", 0644, "3\n") < 0)
    goto end;
  result = service_add_text(sv, "timeout-kill", 0644, "10000\n");
end:
  stralloc_free(&sa);
  return result;
}

/* Listeners read rater/blocks; the rest in it is raterd's alone by its own mode. */
static int add_directory(service *sv)
{
  stralloc path = STRALLOC_ZERO;
  int result = -1;

  if (service_append(&path, "%s/rater", sv->bundle->state) == 0 && stralloc_0(&path))
    result = service_add_directory(sv, path.s, 0711, 0);
  stralloc_free(&path);
  return result;
}

static int make(service *sv, report *r)
{
  stralloc path = STRALLOC_ZERO;
  int result = -1;

  if (service_append(&path, "%s/raterd", sv->bundle->libexec) == 0 && stralloc_0(&path) &&
      service_add_program(sv, path.s) == 0 && add_rules(sv, r) == 0 && add_run(sv, r) == 0)
    result = add_directory(sv);
  stralloc_free(&path);
  return result;
}

/* Those whom counted-by names must be there. */
static void check(service const *sv, report *r)
{
  genalloc const *sections = sv->bundle->sections;
  section const *s = genalloc_s(section, sections);
  char error[RULES_ERROR_MAX];

  for (size_t n = genalloc_len(section, sections); n; n--, s++)
  {
    stralloc askers = STRALLOC_ZERO;
    rules all = {.n = 0};
    if (!strcmp(s->kind->name, "limit") && section_says(s, "counted-by") &&
        add_askers(s, sv->bundle, &askers) == 0 && askers.len > 1 &&
        rules_add_to(&all, s->argument, askers.s, askers.len - 1, error) < 0)
      report_error(r, s, "counted-by", "%s", error);
    rules_free(&all);
    stralloc_free(&askers);
  }
}

/* HUP makes raterd read the rules from there, and the table is its own. */
static int uses(service const *sv, genalloc *list)
{
  bundle const *b = sv->bundle;

  if (use_add(list, X_OK, b->run, "servicedirs/rater") < 0 ||
      use_add(list, X_OK, b->state, "generations") < 0)
    return -1;
  return use_add(list, F_OK, b->state, "rater/table");
}

service_kind const rater_kinds[] = {
    {.section = {.name = "rater",
                 .help = "The daemon that counts how often things happen",
                 .keys = rater_keys},
     .make = make,
     .check = check,
     .uses = uses,
     .service = "rater",
     .user = "mailctl-rater",
     .reloads = RELOADS_AND_TELLS,
     .init = ""},
    {.section = {.name = "limit",
                 .argument = "CLASS",
                 .help = "How often is too often, for one class of things; rater-rules(5)",
                 .keys = limit_keys},
     .init = "[limit authfail]\n"
             "# smtpd asks this about the address of whoever gave a wrong password\n"
             "rule = 0.0.0.0/0 10/10m penalty 30m\n"
             "rule = ::/0 10/10m penalty 30m group /64\n"
             "block = 1h 7d\n"},
    {.section = {.name = 0}}};

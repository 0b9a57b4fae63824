#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <runlib/run.h>

#include <services/contract/service.h>

#include "settings.h"

#define LISTS_MS 30000 /* that asking the DNS lists may take */

#define ACTION(NAME, HELP)                                                                                   \
  {                                                                                                          \
    .name = NAME, .type = KEY_CHOICE, .fallback = "off", .choices = "off|observe|greylist|tempfail|reject",  \
    .help = HELP                                                                                             \
  }
#define SPF(NAME, HELP)                                                                                      \
  {                                                                                                          \
    .name = NAME, .type = KEY_CHOICE, .fallback = "off",                                                     \
    .choices = "off|observe|mark|greylist|tempfail|reject", .help = HELP                                     \
  }
#define LIST(NAME, HELP)                                                                                     \
  {                                                                                                          \
    .name = NAME, .type = KEY_TEXT, .repeat = 1, .help = HELP                                                \
  }

static key const policy_keys[] = {
    {.name = "listen",
     .type = KEY_ADDRESSES,
     .help = "TCP addresses for Postfix and Exim on other machines; the unix socket is always there"},
    {.name = "mode",
     .type = KEY_TEXT,
     .fallback = "0666",
     .help = "who may ask, as the octal mode of the unix socket; 0666: everybody on this machine"},
    {.name = "resolver",
     .type = KEY_TEXT,
     .help = "DNS servers, ADDRESS:PORT between commas; without it, those of /etc/resolv.conf"},
    {.name = "timeout",
     .type = KEY_TIME,
     .fallback = "5s",
     .min = 10,
     .max = 600000,
     .help = "how long the DNS may take for one question; what it does not say by then, it does not know"},
    {.name = "clients",
     .type = KEY_COUNT,
     .fallback = "2000",
     .min = 1,
     .max = 100000,
     .help = "how many clients may be connected at once"},
    {.name = "user", .type = KEY_USER, .help = "whom policyd runs as"},
    LIST("allow-address", "lets through: an address, 192.0.2.0/24, or the absolute name of a file of these"),
    LIST("allow-rdns", "lets through: a host name that the client really has, or .example.org; or a file"),
    LIST("allow-sender", "lets through: joe@example.org or @example.org; or a file"),
    LIST("allow-recipient", "lets everything through to joe@example.org or @example.org; or a file"),
    LIST("dnswl", "lets through whom this DNS list has: NAME [CODES]"),
    {.name = "block",
     .type = KEY_CHOICE,
     .fallback = "reject",
     .choices = "off|observe|greylist|tempfail|reject",
     .help = "what the lists block-address, block-rdns, block-sender and block-recipient lead to"},
    LIST("block-address", "as allow-address"),
    LIST("block-rdns", "as allow-rdns"),
    LIST("block-sender", "as allow-sender"),
    LIST("block-recipient", "as allow-recipient"),
    ACTION("rdns-missing", "the client's address has no name"),
    ACTION("rdns-unresolved", "the client's name has no address"),
    ACTION("rdns-unconfirmed", "the client's name has other addresses than the client's"),
    ACTION("rdns-keyword", "the client's name has its address and a keyword in it"),
    LIST("keyword", "for rdns-keyword, such as dynamic, dsl or dialup"),
    ACTION("rdns-country", "the client's name has its address in it, under a country's domain"),
    ACTION("helo-invalid", "HELO is no host name and no address in brackets"),
    ACTION("helo-ours", "HELO is this machine's name or address"),
    LIST("dnsbl", "a DNS list of addresses: NAME [CODES] [weight N] [reply TEXT]"),
    LIST("rhsbl", "a DNS list of domains: NAME [CODES] [weight N] [of sender,helo,rdns] [reply TEXT]"),
    {.name = "threshold",
     .type = KEY_COUNT,
     .fallback = "1",
     .min = 1,
     .max = 100000,
     .help = "from which sum of the weights of these lists on a client is listed"},
    {.name = "listed",
     .type = KEY_CHOICE,
     .fallback = "reject",
     .choices = "off|observe|greylist|tempfail|reject",
     .help = "what that leads to"},
    SPF("spf-fail", "the sender's domain does not permit the client; mark: a header field Received-SPF"),
    SPF("spf-softfail", "it does not quite permit it"),
    SPF("spf-neutral", "it says neither"),
    SPF("spf-none", "it has no SPF record"),
    SPF("spf-pass", "it permits it"),
    SPF("spf-temperror", "the DNS does not answer"),
    SPF("spf-permerror", "its record is wrong"),
    ACTION("spf-helo-fail", "the domain of HELO does not permit the client"),
    ACTION("sender-unknown", "the sender's domain has no MX and no address"),
    ACTION("sender-null-mx", "the sender's domain says that it takes no mail"),
    {.name = "greylist",
     .type = KEY_CHOICE,
     .fallback = "suspicious",
     .choices = "suspicious|observe|everybody",
     .help = "who is asked to come again: whom one of the actions greylist names, or everybody unknown"},
    {.name = "greylist-delay",
     .type = KEY_TIME,
     .fallback = "5m",
     .min = 1000,
     .max = 86400000,
     .help = "for how long"},
    {.name = "greylist-window",
     .type = KEY_TIME,
     .fallback = "2d",
     .min = 60000,
     .max = 2592000000,
     .help = "and it must come again within this"},
    {.name = "greylist-lifetime",
     .type = KEY_TIME,
     .fallback = "36d",
     .min = 60000,
     .max = 31536000000,
     .help = "how long somebody is known who does not come any more"},
    {.name = "greylist-entries",
     .type = KEY_COUNT,
     .fallback = "1000000",
     .min = 1000,
     .max = 1000000000,
     .help = "how many can be known; beyond them nobody is asked to come again"},
    {.name = 0}};

static int is_setting(char const *name)
{
  static char const *const others[] = {"listen",  "mode", "resolver",        "timeout",
                                       "clients", "user", "greylist-entries"};

  for (unsigned int i = 0; i < sizeof others / sizeof others[0]; i++)
    if (!strcmp(others[i], name)) return 0;
  return 1;
}

static int is_greylist_time(char const *name)
{
  return !strcmp(name, "greylist-delay") || !strcmp(name, "greylist-window") ||
         !strcmp(name, "greylist-lifetime");
}

/* The section's keys as lines of data/policy, each checked by policyd's own reader. */
static int add_settings(service *sv, report *r)
{
  value const *v = genalloc_s(value, &sv->section->values);
  stralloc text = STRALLOC_ZERO;
  settings s;
  int result = service_append(&text, "hostname %s\n", sv->bundle->hostname);

  settings_init(&s);
  for (size_t n = genalloc_len(value, &sv->section->values); n && !result; n--, v++)
  {
    char const *name = v->key->name, *wrong;
    if (!is_setting(name)) continue;
    if (is_greylist_time(name))
      result = service_append(&text, "%s %llu\n", name, (unsigned long long)v->number / 1000);
    else if ((wrong = settings_set(&s, name, v->text)))
      report_line(r, v->line, "[policy] %s: %s", name, wrong);
    else
      result = service_append(&text, "%s %s\n", name, v->text);
  }
  if (!result) result = service_add_file(sv, "data/policy", text.s, text.len, 0644);
  settings_free(&s);
  stralloc_free(&text);
  return result;
}

static int add_run(service *sv, report *r)
{
  bundle const *b = sv->bundle;
  char const *resolver = section_text(sv->section, "resolver");
  stralloc sa = STRALLOC_ZERO;
  int result = -1;

  if (service_prelude(sv, &sa) < 0 || service_bind(sv, &sa, "/policy.sock", r) < 0 ||
      service_drop(sv, &sa) < 0 || service_word(&sa, "", b->libexec, "/policyd") < 0 ||
      service_append(&sa, " -d 3 -u 0") < 0 || service_listen(sv, &sa, "listen", "-l") < 0 ||
      (resolver && *resolver && service_word(&sa, " -r ", resolver, "") < 0) ||
      service_append(&sa, " -t %llu -c %llu -e %llu",
                     (unsigned long long)section_number(sv->section, "timeout"),
                     (unsigned long long)section_number(sv->section, "clients"),
                     (unsigned long long)section_number(sv->section, "greylist-entries")) < 0 ||
      service_word(&sa, " -s ", b->state, "/policy") < 0 ||
      service_word(&sa, " -C ", b->state, "/policy/counters") < 0 ||
      service_append(&sa, " data/policy\n") < 0)
    goto end;
  if (service_add_file(sv, "run", sa.s, sa.len, 0755) < 0 ||
      service_add_text(sv, "notification-fd", 0644, "3\n") < 0)
    goto end;
  result = service_add_text(sv, "timeout-kill", 0644, "10000\n");
end:
  stralloc_free(&sa);
  return result;
}

static int make(service *sv, report *r)
{
  stralloc path = STRALLOC_ZERO;
  int result = -1;

  if (service_append(&path, "%s/policyd", sv->bundle->libexec) < 0 || !stralloc_0(&path) ||
      service_add_program(sv, path.s) < 0 || add_settings(sv, r) < 0 || add_run(sv, r) < 0)
    goto end;
  path.len = 0;
  if (service_append(&path, "%s/policy", sv->bundle->state) == 0 && stralloc_0(&path))
    result = service_add_directory(sv, path.s, 0755, 0);
end:
  stralloc_free(&path);
  return result;
}

/*
 * HUP makes policyd read its settings from there; the store is its own, and the lists are files of somebody
 * else's.
 */
static int uses(service const *sv, genalloc *used)
{
  bundle const *b = sv->bundle;
  value const *v = genalloc_s(value, &sv->section->values);

  for (size_t n = genalloc_len(value, &sv->section->values); n; n--, v++)
    if (v->text && *v->text == '/' && is_setting(v->key->name) &&
        use_add_from(used, R_OK, "", v->text, v->key->name) < 0)
      return -1;
  if (use_add(used, X_OK, b->run, "servicedirs/policy") < 0 ||
      use_add(used, X_OK, b->state, "generations") < 0)
    return -1;
  return use_add(used, F_OK, b->state, "policy/data.mdb");
}

static service_file const *find_file(service const *sv, char const *path)
{
  service_file const *f = genalloc_s(service_file, &sv->files);

  for (size_t n = genalloc_len(service_file, &sv->files); n; n--, f++)
    if (!strcmp(f->path, path)) return f;
  return 0;
}

/*
 * policyd asks each DNS list whether it works. A list that does not is no reason not to start: it refuses
 * nobody.
 */
static void check(service const *sv, report *r)
{
  char const *resolver = section_text(sv->section, "resolver");
  service_file const *f = find_file(sv, "data/policy");
  stralloc program = STRALLOC_ZERO, said = STRALLOC_ZERO;
  char ms[32];
  char const *with[] = {0, "-T", "-t", ms, "-", 0, 0, 0};

  if (!section_value(sv->section, "dnsbl") && !section_value(sv->section, "dnswl") &&
      !section_value(sv->section, "rhsbl"))
    return;
  snprintf(ms, sizeof ms, "%llu", (unsigned long long)section_number(sv->section, "timeout"));
  if (resolver && *resolver)
  {
    with[4] = "-r";
    with[5] = resolver;
    with[6] = "-";
  }
  if (f && service_append(&program, "%s/policyd", sv->bundle->libexec) == 0 && stralloc_0(&program))
  {
    with[0] = program.s;
    if (run_wait(with, f->bytes.s, f->bytes.len, &said, LISTS_MS) == 1)
      for (size_t i = 0, n; i < said.len; i += n + 1)
      {
        char const *end = memchr(said.s + i, '\n', said.len - i);
        n = end ? (size_t)(end - said.s) - i : said.len - i;
        report_warning(r, sv->section, 0, "%.*s", (int)n, said.s + i);
      }
  }
  stralloc_free(&program);
  stralloc_free(&said);
}

service_kind const policy_kinds[] = {
    {.section = {.name = "policy",
                 .help = "What is known of strangers: SPF, DNS lists, greylisting",
                 .keys = policy_keys},
     .make = make,
     .check = check,
     .uses = uses,
     .service = "policy",
     .user = "mailctl-policy",
     .reloads = RELOADS_AND_TELLS},
    {.section = {.name = 0}}};

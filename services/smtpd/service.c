#include <string.h>

#include <skalibs/stralloc.h>

#include <services/contract/service.h>
#include <services/contract/where.h>

#include "asks.h"
#include "check.h"

#define COMMON_KEYS(DEFAULT_LISTEN, DEFAULT_LABEL)                                                           \
  {.name = "listen", .type = KEY_ADDRESSES, .fallback = DEFAULT_LISTEN, .help = DEFAULT_LABEL},              \
      {.name = "program",                                                                                    \
       .type = KEY_COMMAND,                                                                                  \
       .help = "an SMTP server to run instead of mailctl's, such as bin/qmail-smtpd"},                       \
      {.name = "queue",                                                                                      \
       .type = KEY_PATH,                                                                                     \
       .help = "the qmail-queue program; without it, the one of the bundle's mta"},                          \
      {.name = "user", .type = KEY_USER, .help = "whom sessions run as; without it, [bundle] user"},         \
      {.name = "concurrency",                                                                                \
       .type = KEY_COUNT,                                                                                    \
       .fallback = "100",                                                                                    \
       .min = 1,                                                                                             \
       .max = 10000,                                                                                         \
       .help = "sessions at a time"},                                                                        \
      {.name = "per-client",                                                                                 \
       .type = KEY_COUNT,                                                                                    \
       .fallback = "20",                                                                                     \
       .min = 0,                                                                                             \
       .max = 10000,                                                                                         \
       .help = "sessions at a time of one client address (IPv6: of one /64); 0: no limit"},                  \
      {.name = "backlog",                                                                                    \
       .type = KEY_COUNT,                                                                                    \
       .fallback = "256",                                                                                    \
       .min = 1,                                                                                             \
       .max = 65535,                                                                                         \
       .help = "connections that may wait in the kernel"},                                                   \
      {.name = "refusal",                                                                                    \
       .type = KEY_TEXT,                                                                                     \
       .fallback = "421 4.3.2 too many connections, try again later",                                        \
       .help = "what a client over one of these limits is told"},                                            \
      {.name = "proxy",                                                                                      \
       .type = KEY_TEXT,                                                                                     \
       .help = "addresses and networks of balancers, whose connections begin with a header of the PROXY "    \
               "protocol, version 1 or 2"},                                                                  \
      {.name = "ipsvd",                                                                                      \
       .type = KEY_PATH,                                                                                     \
       .help = "an instruction directory of ipsvd's: blocks addresses, as the plugin ipthrottle means it"},  \
      {.name = "ipsvd-time",                                                                                 \
       .type = KEY_TIME,                                                                                     \
       .fallback = "1h",                                                                                     \
       .max = 31536000000,                                                                                   \
       .help = "how long a file there blocks that its owner may write; 0: for ever"},                        \
      {.name = "greet-delay",                                                                                \
       .type = KEY_TIME,                                                                                     \
       .fallback = "0",                                                                                      \
       .max = 300000,                                                                                        \
       .help = "wait before the greeting; who talks first is refused"},                                      \
      {.name = "recipients",                                                                                 \
       .type = KEY_COUNT,                                                                                    \
       .fallback = "1000",                                                                                   \
       .max = 1000000,                                                                                       \
       .help = "recipients a message; 0: no limit"},                                                         \
      {.name = "messages",                                                                                   \
       .type = KEY_COUNT,                                                                                    \
       .fallback = "0",                                                                                      \
       .max = 1000000,                                                                                       \
       .help = "messages a session; 0: no limit"},                                                           \
      {.name = "session-time",                                                                               \
       .type = KEY_TIME,                                                                                     \
       .fallback = "2h",                                                                                     \
       .min = 1000,                                                                                          \
       .max = 604800000,                                                                                     \
       .help = "how long a session may last in all"},                                                        \
      {.name = "errors",                                                                                     \
       .type = KEY_COUNT,                                                                                    \
       .fallback = "10",                                                                                     \
       .max = 1000000,                                                                                       \
       .help = "errors of a client from which on each costs it error-delay; 0: never"},                      \
      {.name = "errors-max",                                                                                 \
       .type = KEY_COUNT,                                                                                    \
       .fallback = "20",                                                                                     \
       .max = 1000000,                                                                                       \
       .help = "errors after which the session ends with 421; 0: never"},                                    \
      {.name = "error-delay", .type = KEY_TIME, .fallback = "1s", .max = 60000, .help = "see errors"},       \
      {.name = "plugin-timeout",                                                                             \
       .type = KEY_TIME,                                                                                     \
       .fallback = "30s",                                                                                    \
       .min = 10,                                                                                            \
       .max = 3600000,                                                                                       \
       .help = "how long a plugin of control/smtpplugins may take before it is killed"},                     \
      {.name = "plugin-fails",                                                                               \
       .type = KEY_CHOICE,                                                                                   \
       .fallback = "open",                                                                                   \
       .choices = "open|closed",                                                                             \
       .help = "what a plugin that was killed means: open, as if it said nothing; closed, 451"},             \
      {.name = "policy",                                                                                     \
       .type = KEY_TEXT,                                                                                     \
       .repeat = 1,                                                                                          \
       .help =                                                                                               \
           "a policy server: unix:/PATH or inet:ADDRESS:PORT [STAGE,...] [timeout N] [tempfail] [users] "    \
           "[hold]"},                                                                                        \
      {.name = "milter",                                                                                     \
       .type = KEY_TEXT,                                                                                     \
       .repeat = 1,                                                                                          \
       .help = "a milter: unix:/PATH or inet:ADDRESS:PORT [connect TIME] [command TIME] [end TIME] "         \
               "[fails open|tempfail|reject] [size BYTES] [own yes|no] [until-level 1|2]"},                  \
  {                                                                                                          \
    .name = "starttls", .type = KEY_CHOICE, .choices = "off|offer|require",                                  \
    .help = "STARTTLS; without it, offer where the file has [tls], else off"                                 \
  }

static key const smtpd_keys[] = {
    COMMON_KEYS(
        "127.0.0.1:2525",
        "addresses to listen on; the label /tls: TLS from the first byte; /health: for a balancer's checks"),
    {.name = "auth", .type = KEY_BOOL, .fallback = "no", .help = "offer AUTH here too"},
    {.name = "unknown-recipients",
     .type = KEY_CHOICE,
     .fallback = "refuse",
     .choices = "refuse|accept",
     .help = "mail for whom the embedded spool does not know: refused with 550, or accepted, and bounced"},
    {.name = "recipient-program",
     .type = KEY_PATH,
     .help = "a program, as checkpassword, that says whom there is mail for: exit 0, 1 for nobody, 111 for "
             "not now"},
    {.name = "auth-plaintext", .type = KEY_BOOL, .fallback = "no", .help = "offer AUTH without TLS too"},
    {.name = 0}};

static key const submission_keys[] = {
    COMMON_KEYS(
        "127.0.0.1:2587, 127.0.0.1:2465/tls",
        "addresses to listen on; the label /tls: TLS from the first byte; /health: for a balancer's checks"),
    {.name = "auth-plaintext", .type = KEY_BOOL, .fallback = "no", .help = "offer AUTH without TLS too"},
    {.name = "domain",
     .type = KEY_TEXT,
     .help = "completes addresses without one; without it, control/defaultdomain, else control/me"},
    {.name = "window",
     .type = KEY_TEXT,
     .help = "a class of windows, [limit CLASS] with window = yes: who has one open may send without AUTH, "
             "for devices "
             "that have none"},
    {.name = "sender-match",
     .type = KEY_BOOL,
     .fallback = "no",
     .help = "users send only as themselves, their aliases, and what control/senders has for them"},
    {.name = 0}};

/* How long sessions may go on after TERM, in milliseconds. */
static unsigned long long drain_of(service const *sv)
{
  return (unsigned long long)section_number(sv->bundle->self, "drain");
}

static unsigned long long value_of(service const *sv, char const *name)
{
  return (unsigned long long)section_number(sv->section, name);
}

/* The path DIRECTORY/NAMEend, with NAME the service's, as a quoted word. */
static int add_own(stralloc *sa, service const *sv, char const *option, char const *directory,
                   char const *end)
{
  stralloc path = STRALLOC_ZERO;
  int result = -1;

  if (service_append(&path, "%s/%s%s", directory, sv->name, end) == 0 && stralloc_0(&path))
    result = service_word(sa, option, path.s, "");
  stralloc_free(&path);
  return result;
}

/* Counters outlive a restart. The directory is not the sessions': they have the file mapped, and cannot make it shorter. */
static int add_counters(stralloc *sa, service const *sv, char const *option)
{
  return add_own(sa, sv, option, sv->bundle->state, "/counters");
}

/* A directory below directory; user 0: the service's. */
static int add_directory(service *sv, char const *directory, char const *name, mode_t mode, char const *user)
{
  stralloc path = STRALLOC_ZERO;
  int result = -1;

  if (service_append(&path, "%s/%s", directory, name) == 0 && stralloc_0(&path))
    result = service_add_directory(sv, path.s, mode, user);
  stralloc_free(&path);
  return result;
}

static int add_proxies(stralloc *sa, service const *sv)
{
  char const *list = section_text(sv->section, "proxy"), *word;
  size_t n;

  while (list && (n = list_word(&list, &word)))
    if (service_append(sa, " -P %.*s", (int)n, word) < 0) return -1;
  return 0;
}

/* Who is blocked: `mailctl block` says so, raterd, and (key ipsvd) plugins of another house. */
static int add_blocks(stralloc *sa, service *sv)
{
  bundle const *b = sv->bundle;
  char const *ipsvd = section_text(sv->section, "ipsvd");

  if (service_word(sa, " -B ", b->state, "/blocks") < 0 ||
      (bundle_section(b, "rater") && service_word(sa, " -B ", b->state, "/rater/blocks") < 0))
    return -1;
  if (ipsvd && *ipsvd &&
      (service_word(sa, " -i ", ipsvd, "") < 0 ||
       service_append(sa, " -I %llu", value_of(sv, "ipsvd-time") / 1000) < 0 ||
       service_add_text(sv, "env/IPSVDIR", 0644, "%s\n", ipsvd) < 0))
    return -1;
  return service_word(sa, " -R ", "421 4.7.1 nothing is taken from your address for now", "");
}

static int add_listener(stralloc *sa, service *sv, char const *server)
{
  char const *list = section_text(sv->section, "listen");
  char const *word;
  size_t n;
  /* The default has an address for TLS, of no use where nobody speaks it; examine() refuses one that was asked for. */
  int tls = bundle_section(sv->bundle, "tls") != 0;

  if (sv->bundle->root && sv->user && service_append(sa, "s6-envuidgid %s\n", sv->user) < 0) return -1;
  if (service_quote(sa, sv->bundle->libexec) < 0) return -1;
  if (service_append(sa, "/%s -d 3 -c %llu -C %llu -b %llu -t %llu", server, value_of(sv, "concurrency"),
                     value_of(sv, "per-client"), value_of(sv, "backlog"), drain_of(sv) / 1000) < 0)
    return -1;
  if (service_word(sa, " -r ", section_text(sv->section, "refusal"), "") < 0 || add_blocks(sa, sv) < 0 ||
      add_proxies(sa, sv) < 0)
    return -1;
  if (service_word(sa, " -l ", sv->bundle->hostname, "") < 0) return -1;
  if (add_directory(sv, sv->bundle->state, sv->name, 0755, sv->bundle->root ? "root" : 0) < 0 ||
      add_counters(sa, sv, " -s ") < 0 || service_door(sv, sa) < 0 ||
      service_word(sa, " -G ", sv->bundle->state, "/current") < 0)
    return -1;
  if (sv->bundle->root && sv->user && service_append(sa, " -U") < 0) return -1;
  while ((n = list_word(&list, &word)))
    if ((tls || !memmem(word, n, "/tls", 4)) && service_append(sa, " %.*s", (int)n, word) < 0) return -1;
  return service_append(sa, " --\n");
}

/* The spool is in $SPOOL, for builtin:spool and for a spool-queue behind a filter in $QMAILQUEUE. */
static int add_spool(service *sv)
{
  stralloc path = STRALLOC_ZERO;
  int result = spool_queue(&path, sv->bundle, sv->name) < 0
                   ? -1
                   : service_add_text(sv, "env/SPOOL", 0644, "%s\n", path.s);

  stralloc_free(&path);
  return result;
}

static int add_queue(stralloc *sa, service *sv)
{
  char const *queue = section_text(sv->section, "queue");

  if (queue && *queue) return service_add_program(sv, queue) < 0 ? -1 : service_word(sa, " -q ", queue, "");
  if (bundle_qmail(sv->bundle)) return service_append(sa, " -q bin/qmail-queue");
  return add_spool(sv) < 0 ? -1 : service_append(sa, " -q builtin:spool");
}

static int add_limits(stralloc *sa, service const *sv)
{
  return service_append(sa, " -g %llu -r %llu -m %llu -w %llu -e %llu/%llu -y %llu -p %llu%s",
                        value_of(sv, "greet-delay"), value_of(sv, "recipients"), value_of(sv, "messages"),
                        value_of(sv, "session-time") / 1000, value_of(sv, "errors"),
                        value_of(sv, "errors-max"), value_of(sv, "error-delay"),
                        value_of(sv, "plugin-timeout"), value_of(sv, "plugin-fails") ? " -f" : "");
}

static int add_tls(stralloc *sa, service *sv)
{
  static char const *const words[] = {"off", "offer", "require"};
  bundle const *b = sv->bundle;

  if (!bundle_section(b, "tls")) return 0;
  if (service_add_need(sv, "tls") < 0 || service_word(sa, " -T ", b->run, "/tls.sock") < 0) return -1;
  return service_append(sa, " -t %s",
                        section_says(sv->section, "starttls") ? words[value_of(sv, "starttls")] : "offer");
}

static int add_auth(stralloc *sa, service *sv, int submission)
{
  if (!submission && !value_of(sv, "auth")) return 0;
  if (service_add_need(sv, "auth") < 0 || service_word(sa, " -a ", sv->bundle->run, "/auth.sock") < 0)
    return -1;
  return service_append(sa, "%s", value_of(sv, "auth-plaintext") ? " -A" : "");
}

static int add_rater(stralloc *sa, service *sv)
{
  static char const *const counted[] = {"errors", "refused"};

  if (!bundle_section(sv->bundle, "rater")) return 0;
  if (service_add_need(sv, "rater") < 0 || service_word(sa, " -R ", sv->bundle->run, "/rater.sock") < 0)
    return -1;
  for (unsigned int i = 0; i < sizeof counted / sizeof counted[0]; i++)
    if (bundle_limit(sv->bundle, counted[i]) && service_append(sa, " -K %s", counted[i]) < 0) return -1;
  return 0;
}

/* For plugins: rate, and whatever else asks. */
static int add_rater_address(service *sv)
{
  if (!bundle_section(sv->bundle, "rater")) return 0;
  return service_add_text(sv, "env/RATER", 0644, "%s/rater.sock\n", sv->bundle->run);
}

/* What builtin:overload and the plugin want to know; whoever comes to submission may still log in. */
static int add_overload(service *sv, int submission)
{
  section const *monitor = bundle_section(sv->bundle, "monitor");
  char const *text = monitor ? section_text(monitor, "text") : 0;

  if (!monitor) return 0;
  if (text && *text && service_add_text(sv, "env/OVERLOADTEXT", 0644, "%s\n", text) < 0) return -1;
  if (section_number(monitor, "exempt-relay-clients") &&
      service_add_text(sv, "env/OVERLOADRELAY", 0644, "1\n") < 0)
    return -1;
  return submission ? service_add_text(sv, "env/OVERLOADLOGIN", 0644, "1\n") : 0;
}

/* The spool's own mapping tells smtpd whom there is no mail for. */
static int add_recipients(stralloc *sa, service *sv, int submission)
{
  bundle const *b = sv->bundle;
  char const *catchall = spool_says(b, "catch-all");
  char const *queue = section_text(sv->section, "queue");
  char const *program = submission ? 0 : section_text(sv->section, "recipient-program");
  stralloc path = STRALLOC_ZERO, aliases = STRALLOC_ZERO;
  int result;

  if (program && *program)
    return service_add_program(sv, program) < 0 ? -1 : service_word(sa, " -Z ", program, "");
  /* Where another program queues, the spool may not be the one that delivers. */
  if (bundle_qmail(b) || (queue && *queue) || (!submission && value_of(sv, "unknown-recipients"))) return 0;
  result = spool_mail(&path, b, "") < 0 || service_word(sa, " -V ", path.s, "") < 0 ||
                   spool_aliases(&aliases, b) < 0 || service_word(sa, " -x ", aliases.s, "") < 0 ||
                   (catchall && service_word(sa, " -X ", catchall, "") < 0)
               ? -1
               : 0;
  stralloc_free(&path);
  stralloc_free(&aliases);
  return result;
}

static int add_window(stralloc *sa, service const *sv)
{
  char const *of = section_text(sv->section, "window");

  return of && *of ? service_word(sa, " -W ", of, "") : 0;
}

static int add_smtpd(stralloc *sa, service *sv, int submission)
{
  char const *domain = submission ? section_text(sv->section, "domain") : 0;

  if (service_append(sa, "%s", submission ? " -s" : "") < 0) return -1;
  if (add_queue(sa, sv) < 0 || add_limits(sa, sv) < 0 || add_counters(sa, sv, " -c ") < 0 ||
      add_tls(sa, sv) < 0 || add_auth(sa, sv, submission) < 0 || add_rater(sa, sv) < 0 ||
      asks_add(sa, sv, submission) < 0 || add_recipients(sa, sv, submission) < 0)
    return -1;
  if (!bundle_qmail(sv->bundle) && !remote_present(sv->bundle) && !section_text(sv->section, "queue") &&
      service_append(sa, " -l") < 0)
    return -1;
  if (submission && add_window(sa, sv) < 0) return -1;
  if (submission && value_of(sv, "sender-match") && service_append(sa, " -S") < 0) return -1;
  return domain && *domain ? service_word(sa, " -d ", domain, "") : 0;
}

static void examine(service const *sv, report *r, int submission)
{
  bundle const *b = sv->bundle;
  char const *list = section_text(sv->section, "listen");
  int tls = bundle_section(b, "tls") != 0;

  if (!tls && section_says(sv->section, "starttls") && value_of(sv, "starttls"))
    report_error(r, sv->section, "starttls", "needs a [tls] section");
  if (!tls && strstr(list, "/tls") && section_says(sv->section, "listen"))
    report_error(r, sv->section, "listen", "an address with the label tls needs a [tls] section");
  if ((submission || value_of(sv, "auth")) && !section_text(sv->section, "program") &&
      !bundle_section(b, "auth"))
    report_error(r, sv->section, submission ? 0 : "auth",
                 "needs an [auth] section: somebody must check passwords");
  if (submission) rater_examine_window(b, sv->section, r);
  asks_examine(sv, r);
  check_proxies(sv, r);
}

static int add_program(service *sv, char const *name)
{
  stralloc path = STRALLOC_ZERO;
  int result = -1;

  if (service_append(&path, "%s%s", sv->bundle->libexec, name) == 0 && stralloc_0(&path))
    result = service_add_program(sv, path.s);
  stralloc_free(&path);
  return result;
}

static int make(service *sv, report *r, int submission)
{
  char const *program = section_text(sv->section, "program");
  int other = program && *program;
  char const *user = sv->user;
  stralloc sa = STRALLOC_ZERO;
  int result = -1;

  examine(sv, r, submission);
  if (service_add_need(sv, "spool") < 0 || service_add_need(sv, "intake") < 0 ||
      add_listener(&sa, sv, other ? "tcplisten" : "smtpd --listen") < 0)
    goto end;
  if (add_overload(sv, submission) < 0 || add_rater_address(sv) < 0) goto end;
  if (other ? service_append(&sa, "%s", program) < 0 : add_smtpd(&sa, sv, submission) < 0) goto end;
  if (!stralloc_0(&sa) || add_program(sv, other ? "/tcplisten" : "/smtpd") < 0) goto end;
  sv->user = 0; /* sessions become it */
  result = service_add_run(sv, sa.s, 5000);
  sv->user = user;
end:
  stralloc_free(&sa);
  return result;
}

static int make_smtpd(service *sv, report *r)
{
  return make(sv, r, 0);
}

static int make_submission(service *sv, report *r)
{
  return make(sv, r, 1);
}

service_kind const smtpd_kinds[] = {
    {.section = {.name = "smtpd", .help = "Mail from other servers", .keys = smtpd_keys},
     .make = make_smtpd,
     .check = smtpd_check,
     .uses = smtpd_uses,
     .service = "smtpd",
     .user = "mailctl-smtpd",
     .init = "listen = 127.0.0.1:2525\n"},
    {.section = {.name = "submission", .help = "Mail from people's mail programs", .keys = submission_keys},
     .make = make_submission,
     .check = smtpd_check,
     .uses = smtpd_uses,
     .service = "submission",
     .user = "mailctl-submit",
     .init = "listen = 127.0.0.1:2587, 127.0.0.1:2465/tls\n"},
    {.section = {.name = 0}}};

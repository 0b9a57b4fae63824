#include <string.h>

#include <runlib/mapping.h>

#include <services/contract/where.h>

#include "check.h"

#define RETRY_DEFAULT 300000U /* milliseconds; as in the table */

static key const keys[] = {
    {.name = "path", .type = KEY_PATH, .help = "the directory of the queue; without it, spool below state"},
    {.name = "mail",
     .type = KEY_PATH,
     .fallback = "mail",
     .help = "the directory of the Maildirs: a recipient's is the one of that name in it"},
    {.name = "aliases",
     .type = KEY_PATH,
     .help = "the file of aliases, see spool(5); without it, aliases in control, if that is there"},
    {.name = "programs",
     .type = KEY_BOOL,
     .fallback = "no",
     .help = "aliases may name programs, which run as the user of the spool: nobody else may write the file "
             "then"},
    {.name = "deliver",
     .type = KEY_TEXT,
     .help =
         "lmtp:unix:/PATH: hand mail over there, answered for each recipient; lmtp: to [imap]; without it, "
         "Maildirs are written"},
    {.name = "catch-all",
     .type = KEY_TEXT,
     .help = "the alias or Maildir that gets what is for nobody else; without it, the sender is told"},
    {.name = "retry",
     .type = KEY_TIME,
     .fallback = "5m",
     .min = 1000,
     .max = 86400000,
     .help = "how long the pauses between attempts at a message grow"},
    {.name = "user", .type = KEY_USER, .help = "whom spool-deliver runs as, and whom all Maildirs belong to"},
    {.name = 0}};

int spool_present(bundle const *b)
{
  if (bundle_qmail(b)) return 0;
  return bundle_section(b, "spool") || bundle_section(b, "smtpd") || bundle_section(b, "submission");
}

char const *spool_says(bundle const *b, char const *name)
{
  section const *s = bundle_section(b, "spool");
  char const *text = s ? section_text(s, name) : 0;

  return text && *text ? text : 0;
}

int spool_path(stralloc *path, bundle const *b, char const *below)
{
  char const *own = spool_says(b, "path");

  if (!stralloc_cats(path, own ? own : b->state) || (!own && !stralloc_cats(path, "/spool"))) return -1;
  return stralloc_cats(path, below) && stralloc_0(path) ? 0 : -1;
}

/* Without a section: `mail` beside mailctl.conf, as the table's default has it. */
int spool_mail(stralloc *path, bundle const *b, char const *below)
{
  char const *own = spool_says(b, "mail");
  char const *slash = strrchr(b->file, '/');

  if (own && !stralloc_cats(path, own)) return -1;
  if (!own && (!stralloc_catb(path, b->file, slash ? (size_t)(slash + 1 - b->file) : 0) ||
               !stralloc_cats(path, "mail")))
    return -1;
  return stralloc_cats(path, below) && stralloc_0(path) ? 0 : -1;
}

int spool_aliases(stralloc *path, bundle const *b)
{
  char const *own = spool_says(b, "aliases");

  return stralloc_cats(path, own ? own : b->control) && (own || stralloc_cats(path, "/aliases")) &&
                 stralloc_0(path)
             ? 0
             : -1;
}

char const *spool_user(bundle const *b)
{
  return bundle_user(b, bundle_section(b, "spool"));
}

/* Whether the service `name` exists and runs as another user than spool: it may not enter the spool then. */
static int is_other(bundle const *b, char const *name)
{
  return b->root && bundle_section(b, name) &&
         strcmp(bundle_user(b, bundle_section(b, "spool")), bundle_user(b, bundle_section(b, name)));
}

static char const *const queuers[] = {"smtpd", "submission"};
#define QUEUERS (sizeof queuers / sizeof queuers[0])

static int intake_present(bundle const *b)
{
  if (!spool_present(b)) return 0;
  for (unsigned int i = 0; i < QUEUERS; i++)
    if (is_other(b, queuers[i])) return 1;
  return 0;
}

int spool_queue(stralloc *path, bundle const *b, char const *name)
{
  if (!is_other(b, name)) return spool_path(path, b, "");
  return stralloc_cats(path, b->run) && stralloc_cats(path, "/intake.") && stralloc_cats(path, name) &&
                 stralloc_0(path)
             ? 0
             : -1;
}

typedef int place(stralloc *, bundle const *, char const *);

static int add_directory(service *sv, place *where, char const *below, mode_t mode)
{
  stralloc path = STRALLOC_ZERO;
  int result = where(&path, sv->bundle, below);

  if (!result) /* Maildirs are people's */
    result = where == &spool_mail ? service_add_shared_directory(sv, path.s, mode)
                                  : service_add_directory(sv, path.s, mode, 0);
  stralloc_free(&path);
  return result;
}

static int counters_directory(stralloc *path, bundle const *b, char const *below)
{
  return stralloc_cats(path, b->run) && stralloc_cats(path, "/spool") && stralloc_cats(path, below) &&
                 stralloc_0(path)
             ? 0
             : -1;
}

/*
 * Nobody but spool's user enters the spool: other users queue through spool-intake. The monitor of another user
 * counts the names in todo/.
 */
static int add_directories(service *sv)
{
  int counted = is_other(sv->bundle, "monitor");

  if (add_directory(sv, &counters_directory, "", 0755) < 0) return -1;
  if (add_directory(sv, &spool_path, "", counted ? 0711 : 0700) < 0) return -1;
  if (add_directory(sv, &spool_path, "/tmp", 0700) < 0) return -1;
  if (add_directory(sv, &spool_path, "/todo", counted ? 0755 : 0700) < 0) return -1;
  if (add_directory(sv, &spool_path, "/failed", 0700) < 0 ||
      add_directory(sv, &spool_path, "/held", 0700) < 0)
    return -1;
  if (add_directory(sv, &spool_mail, "", 0711) < 0 || add_directory(sv, &spool_mail, "/postmaster", 0700) < 0)
    return -1;
  if (add_directory(sv, &spool_mail, "/postmaster/tmp", 0700) < 0) return -1;
  if (add_directory(sv, &spool_mail, "/postmaster/cur", 0700) < 0) return -1;
  return add_directory(sv, &spool_mail, "/postmaster/new", 0700);
}

static int add_option(stralloc *sa, char const *option, char const *word)
{
  if (!word) return 0;
  return service_word(sa, option, word, "");
}

static int add_aliases(stralloc *sa, bundle const *b)
{
  stralloc path = STRALLOC_ZERO;
  int result = spool_aliases(&path, b) < 0 ? -1 : service_word(sa, " -a ", path.s, "");

  stralloc_free(&path);
  return result;
}

/* Where mail is handed over: 0, Maildirs are written; an empty word: what was said makes no sense. */
static char const *lmtp_path(bundle const *b, stralloc *path)
{
  static char const unix_path[] = "lmtp:unix:";
  char const *said = spool_says(b, "deliver");

  if (!said) return 0;
  if (!strcmp(said, "lmtp") && bundle_section(b, "imap"))
    return service_append(path, "%s/imap/lmtp", b->run) == 0 && stralloc_0(path) ? path->s : "";
  return strncmp(said, unix_path, sizeof unix_path - 1) || said[sizeof unix_path - 1] != '/'
             ? ""
             : said + sizeof unix_path - 1;
}

/* What mail is delivered to, and how much of it. */
static int add_delivery(stralloc *sa, service const *sv)
{
  bundle const *b = sv->bundle;
  section const *imap = bundle_section(b, "imap");
  unsigned long long quota = imap ? (unsigned long long)section_number(imap, "quota") : 0;
  stralloc path = STRALLOC_ZERO;
  int result = add_option(sa, " -L ", lmtp_path(b, &path));

  stralloc_free(&path);
  if (!result && quota) result = service_append(sa, " -q %llu", quota);
  if (!result && sv->section && section_number(sv->section, "programs")) result = service_append(sa, " -P");
  return result;
}

static int add_place(stralloc *sa, bundle const *b, place *where)
{
  stralloc path = STRALLOC_ZERO;
  int result = where(&path, b, "") < 0 ? -1 : service_word(sa, " ", path.s, "");

  stralloc_free(&path);
  return result;
}

static int add_command(stralloc *sa, service const *sv, char const *program)
{
  bundle const *b = sv->bundle;
  unsigned long retry = sv->section ? (unsigned long)section_number(sv->section, "retry") : RETRY_DEFAULT;

  if (service_quote(sa, program) < 0 || service_append(sa, " -d 3 -r %lu", (retry + 999) / 1000) < 0 ||
      add_option(sa, " -n ", b->hostname) < 0 || add_option(sa, " -c ", b->control) < 0 ||
      add_aliases(sa, b) < 0 || add_option(sa, " -k ", spool_says(b, "catch-all")) < 0)
    return -1;
  if (add_delivery(sa, sv) < 0 || service_append(sa, remote_present(b) ? " -R" : "") < 0) return -1;
  if (service_word(sa, " -s ", b->run, "/spool/counters") < 0) return -1;
  return add_place(sa, b, &spool_path) < 0 || add_place(sa, b, &spool_mail) < 0 || !stralloc_0(sa) ? -1 : 0;
}

static void examine_delivery(service const *sv, report *r)
{
  section const *imap = bundle_section(sv->bundle, "imap");
  stralloc sa = STRALLOC_ZERO;
  char const *path = lmtp_path(sv->bundle, &sa);

  if (path && !*path)
    report_error(r, sv->section, "deliver", "it is lmtp:unix:/PATH, or lmtp where there is a section [imap]");
  if (path && !strcmp(spool_says(sv->bundle, "deliver"), "lmtp") && imap && !section_number(imap, "lmtp"))
    report_error(r, imap, "lmtp", "[spool] hands mail over to it: say lmtp = yes");
  stralloc_free(&sa);
}

static int make(service *sv, report *r)
{
  stralloc program = STRALLOC_ZERO, command = STRALLOC_ZERO;
  char const *catchall = spool_says(sv->bundle, "catch-all");
  int result = -1;

  if (catchall && !mapping_name_ok(catchall, strlen(catchall)))
    report_error(r, sv->section, "catch-all", "\"%s\" cannot be a Maildir's name", catchall);
  examine_delivery(sv, r);
  if (service_append(&program, "%s/spool-deliver", sv->bundle->libexec) == 0 && stralloc_0(&program) &&
      add_command(&command, sv, program.s) == 0 && add_directories(sv) == 0 &&
      service_add_program(sv, program.s) == 0)
    result = service_add_run(sv, command.s, 60000);
  stralloc_free(&program);
  stralloc_free(&command);
  return result;
}

/* --- intake --------------------------------------------------------------------------------------- */

/*
 * A socket for each service, which only that service's user may open, becomes a descriptor from 4 on. It gets its name
 * when it has its owner: who queues during a restart finds the old one or the new one.
 */
static int add_socket(stralloc *sa, bundle const *b, char const *name, unsigned int fd)
{
  stralloc path = STRALLOC_ZERO;
  int result = -1;

  if (service_word(sa, "s6-ipcserver-socketbinder -m -b 0 -a 0600 ", b->run, "/intake.new") < 0 ||
      service_append(sa, "\nif { chown -h %s ", bundle_user(b, bundle_section(b, name))) < 0 ||
      service_word(sa, "", b->run, "/intake.new") < 0 ||
      service_word(sa, " }\nif { mv -f ", b->run, "/intake.new") < 0)
    return -1;
  if (!spool_queue(&path, b, name) && !service_word(sa, " ", path.s, ""))
    result = service_append(sa, " }\nfdmove %u 0\n", fd);
  stralloc_free(&path);
  return result;
}

static int add_sockets(stralloc *sa, service const *sv)
{
  unsigned int fd = 4;

  for (unsigned int i = 0; i < QUEUERS; i++)
    if (is_other(sv->bundle, queuers[i]) && add_socket(sa, sv->bundle, queuers[i], fd++) < 0) return -1;
  return 0;
}

static int add_intake(stralloc *sa, service *sv, char const *program)
{
  if (service_append(sa, "redirfd -r 0 /dev/null\n") < 0 || service_drop(sv, sa) < 0 ||
      service_quote(sa, program) < 0 || add_option(sa, " -d 3 -c ", sv->bundle->control) < 0 ||
      add_place(sa, sv->bundle, &spool_path) < 0)
    return -1;
  for (unsigned int i = 0, fd = 4; i < QUEUERS; i++)
    if (is_other(sv->bundle, queuers[i]) && service_append(sa, " %u", fd++) < 0) return -1;
  return service_append(sa, "\n");
}

static int make_intake(service *sv, report *r)
{
  stralloc program = STRALLOC_ZERO, sa = STRALLOC_ZERO;
  int result = -1;

  (void)r;
  sv->user = bundle_user(sv->bundle, bundle_section(sv->bundle, "spool"));
  if (service_append(&program, "%s/spool-intake", sv->bundle->libexec) < 0 || !stralloc_0(&program) ||
      service_prelude(sv, &sa) < 0 || add_sockets(&sa, sv) < 0 || add_intake(&sa, sv, program.s) < 0)
    goto end;
  if (service_add_file(sv, "run", sa.s, sa.len, 0755) < 0 || service_add_program(sv, program.s) < 0) goto end;
  if (add_directory(sv, &spool_path, "", is_other(sv->bundle, "monitor") ? 0711 : 0700) < 0) goto end;
  if (service_add_text(sv, "notification-fd", 0644, "3\n") < 0) goto end;
  result = service_add_text(sv, "timeout-kill", 0644, "60000\n");
end:
  stralloc_free(&program);
  stralloc_free(&sa);
  return result;
}

/* --- send ----------------------------------------------------------------------------------------- */

static int add_send(stralloc *sa, bundle const *b, char const *program)
{
  static char const *const times[][2] = {{" -r ", "retry"}, {" -l ", "lifetime"}, {" -w ", "delay-warning"}};
  static char const *const counts[][2] = {{" -m ", "concurrency"}, {" -p ", "destination-concurrency"}};
  section const *s = bundle_section(b, "remote");

  if (service_quote(sa, program) < 0 || add_option(sa, " -d 3 -n ", b->hostname) < 0) return -1;
  for (unsigned int i = 0; i < 3; i++)
    if (service_append(sa, "%s%lu", times[i][0],
                       (unsigned long)(section_number(s, times[i][1]) + 999) / 1000) < 0)
      return -1;
  for (unsigned int i = 0; i < 2; i++)
    if (service_append(sa, "%s%lu", counts[i][0], (unsigned long)section_number(s, counts[i][1])) < 0)
      return -1;
  return service_word(sa, " -s ", b->run, "/spool/counters");
}

static int make_send(service *sv, report *r)
{
  static char const *const below[] = {"/out", "/remote", "/notes"};
  stralloc program = STRALLOC_ZERO, sa = STRALLOC_ZERO, socket = STRALLOC_ZERO;
  int result = -1;

  (void)r;
  sv->user = bundle_user(sv->bundle, bundle_section(sv->bundle, "spool"));
  for (unsigned int i = 0; i < 3; i++)
    if (add_directory(sv, &spool_path, below[i], 0700) < 0) goto end;
  if (service_append(&program, "%s/spool-send", sv->bundle->libexec) == 0 && stralloc_0(&program) &&
      add_send(&sa, sv->bundle, program.s) == 0 && add_place(&sa, sv->bundle, &spool_path) == 0 &&
      remote_socket(&socket, sv->bundle) == 0 && service_word(&sa, " ", socket.s, "") == 0 &&
      stralloc_0(&sa) && service_add_program(sv, program.s) == 0 && service_add_need(sv, "remote") == 0 &&
      service_add_need(sv, "spool") == 0)
    result = service_add_run(sv, sa.s, 60000);
end:
  stralloc_free(&program);
  stralloc_free(&socket);
  stralloc_free(&sa);
  return result;
}

service_kind const spool_kinds[] = {
    {.section = {.name = "spool",
                 .help = "The embedded queue, delivered to Maildirs of this machine",
                 .keys = keys},
     .present = spool_present,
     .make = make,
     .service = "spool",
     .user = "mailctl-spool",
     .check = spool_check,
     .uses = spool_uses,
     .reloads = RELOADS,
     .init = ""},
    {.present = remote_present, .make = make_send, .service = "send"},
    {.present = intake_present, .make = make_intake, .service = "intake"},
    {.section = {.name = 0}}};

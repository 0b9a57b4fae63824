#include <unistd.h>

#include <services/contract/service.h>
#include <services/contract/where.h>

#include "schedule.h"

/* [job NAME]: a command at a time of day, waited for by Debian's snooze. */

#define PATH_BEHIND "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/execline/bin"

static key const keys[] = {
    {.name = "schedule",
     .type = KEY_TEXT,
     .help = "when it runs, in local time: daily 03:30, weekly sunday 03:30, monthly 1 03:30, or every 15m. "
             "What was missed while the machine was off is made up for once"},
    {.name = "jitter", .type = KEY_TIME, .max = 86400000, .help = "it begins up to so much later, by chance"},
    {.name = "command", .type = KEY_COMMAND, .help = "what to run. Its output goes to the log"},
    {.name = "user", .type = KEY_USER, .help = "whom it runs as; without it, [bundle] user"},
    {.name = "timeout",
     .type = KEY_TIME,
     .fallback = "6h",
     .min = 1000,
     .max = 30ull * 86400000,
     .help = "a run that takes longer is ended"},
    {.name = "nice", .type = KEY_COUNT, .fallback = "10", .max = 19, .help = "how much others come first"},
    {.name = "needs", .type = KEY_NAMES, .help = "services that must be ready before its first wait begins"},
    {.name = "mail",
     .type = KEY_CHOICE,
     .fallback = "failure",
     .choices = "never|failure|output",
     .help = "what postmaster is told: that it fails, once, and that it is well again; or also whatever it "
             "has to say"},
    {.name = 0}};

/* The queue of the bundle, and whom it belongs to. */
static int job_add_queue(stralloc *sa, service *sv)
{
  bundle const *b = sv->bundle;
  stralloc path = STRALLOC_ZERO;
  int result = -1;

  if (bundle_qmail(b)) return service_append(sa, " -q bin/qmail-queue");
  if (!spool_present(b)) return 0;
  if (b->root && service_append(sa, " -U %s", spool_user(b)) < 0) return -1;
  if (service_word(sa, " -q ", b->libexec, "/spool-queue") == 0 && spool_path(&path, b, "") == 0)
    result = service_word(sa, " -s ", path.s, "");
  stralloc_free(&path);
  return result;
}

static int job_add_options(stralloc *sa, service *sv)
{
  static char const *const mail[] = {"", "", " -o"};
  section const *s = sv->section;
  uint64_t when = section_number(s, "mail");

  if (service_append(sa, " -t %llu -n %llu", (unsigned long long)section_number(s, "timeout") / 1000,
                     (unsigned long long)section_number(s, "nice")) < 0)
    return -1;
  if (sv->bundle->root && sv->user && service_append(sa, " -u %s", sv->user) < 0) return -1;
  if (!when) return 0;
  if (job_add_queue(sa, sv) < 0 || service_append(sa, "%s -h ", mail[when]) < 0) return -1;
  return service_quote(sa, sv->bundle->hostname);
}

/* -t: the file whose time is that of the last start; -s: so late is not too late. */
static int job_add_schedule(stralloc *sa, service const *sv, report *r)
{
  char const *text = section_text(sv->section, "schedule");
  uint64_t jitter = section_number(sv->section, "jitter") / 1000;
  stralloc options = STRALLOC_ZERO;
  char const *wrong = text && *text ? schedule_options(&options, text) : "there is none: when does it run?";
  int result = -1;

  if (wrong) report_error(r, sv->section, "schedule", "%s", wrong);
  if (!jitter || service_append(&options, " -J%llu", (unsigned long long)jitter) == 0)
    result = stralloc_0(&options) ? service_word(sa, " ", options.s, "") : -1;
  stralloc_free(&options);
  return result;
}

static int job_add_run(service *sv, char const *directory, char const *command, report *r)
{
  stralloc sa = STRALLOC_ZERO;
  int result = -1;

  if (service_prelude(sv, &sa) == 0 &&
      service_append(&sa, "foreground { fdmove 1 3 echo }\nfdclose 3\ncd ") == 0 &&
      service_quote(&sa, sv->bundle->home) == 0 &&
      service_word(&sa, "\n", sv->bundle->libexec, "/job") == 0 && job_add_options(&sa, sv) == 0 &&
      service_word(&sa, " ", directory, "") == 0 && job_add_schedule(&sa, sv, r) == 0 &&
      service_append(&sa, "\n%s\n", command) == 0)
    result = service_add_file(sv, "run", sa.s, sa.len, 0755);
  stralloc_free(&sa);
  return result;
}

/* It finds the mailctl that runs it, and its bundle. */
static int job_add_environment(service *sv)
{
  return service_add_text(sv, "env/MAILCTL_CONF", 0644, "%s\n", sv->bundle->file) < 0
             ? -1
             : service_add_text(sv, "env/PATH", 0644, "%s:%s\n", sv->bundle->bin, PATH_BEHIND);
}

static int job_add_files(service *sv, char const *directory)
{
  stralloc program = STRALLOC_ZERO;
  int result = -1;

  if (service_append(&program, "%s/job", sv->bundle->libexec) == 0 && stralloc_0(&program) &&
      service_add_program(sv, program.s) == 0 && service_add_directory(sv, directory, 0755, "") == 0 &&
      service_add_text(sv, "notification-fd", 0644, "3\n") == 0)
    result = service_add_text(sv, "timeout-kill", 0644, "60000\n");
  stralloc_free(&program);
  return result;
}

int job_directory(stralloc *path, bundle const *b, char const *name)
{
  return service_append(path, "%s/jobs/%s", b->state, name) == 0 && stralloc_0(path) ? 0 : -1;
}

static int make(service *sv, report *r)
{
  char const *command = section_text(sv->section, "command");
  stralloc directory = STRALLOC_ZERO;
  int result = -1;

  if (!command || !*command)
  {
    report_error(r, sv->section, "command", "there is none: what is the job to run?");
    command = "true";
  }
  sv->whole = 1;
  if (job_directory(&directory, sv->bundle, sv->name) == 0 && job_add_environment(sv) == 0 &&
      service_add_needs(sv, section_text(sv->section, "needs")) == 0 && job_add_files(sv, directory.s) == 0)
    result = job_add_run(sv, directory.s, command, r);
  stralloc_free(&directory);
  return result;
}

static void check(service const *sv, report *r)
{
  if (access("/usr/bin/snooze", X_OK) < 0 && access("/usr/local/bin/snooze", X_OK) < 0)
    report_error(r, sv->section, 0, "the program snooze is not there (apt-get install snooze)");
}

service_kind const job_kinds[] = {
    {.section = {.name = "job", .argument = "NAME", .help = "A command at a time of day", .keys = keys},
     .user = "root",
     .init = "[job maintenance]\n"
             "schedule = daily 04:17\n"
             "jitter = 30m\n"
             "command = mailctl maintenance --log-days 90\n"
             "mail = output\n",
     .make = make,
     .check = check},
    {.section = {.name = 0}}};

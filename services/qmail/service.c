#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <services/contract/service.h>

/*
 * The service qmail-send of a bundle with mta = qmail: qmail-start, which starts qmail-lspawn, qmail-rspawn and
 * qmail-clean under their users and becomes qmail-send; its record of activity goes to the service's log.
 */

static key const keys[] = {
    {.name = "default-delivery",
     .type = KEY_TEXT,
     .fallback = "./Maildir/",
     .help = "where mail goes for users without a .qmail file, as in dot-qmail(5)"},
    {.name = "stop-timeout",
     .type = KEY_TIME,
     .fallback = "10m",
     .max = 86400000,
     .help = "how long running deliveries may take to finish before qmail-send is killed; 0: for ever"},
    {.name = 0}};

static char const *home(bundle const *b)
{
  return section_text(b->self, "qmail-home");
}

static char const *delivery(service const *sv)
{
  char const *s = sv->section ? section_text(sv->section, "default-delivery") : 0;
  return s && *s ? s : "./Maildir/";
}

static unsigned long long patience(service const *sv)
{
  return sv->section ? (unsigned long long)section_number(sv->section, "stop-timeout") : 600000;
}

/*
 * qmail-send is there once somebody reads queue/lock/trigger: only then can it be opened for writing without
 * waiting. That it is a FIFO is asked first, or redirfd would make a file.
 */
static int add_check(stralloc *sa, bundle const *b)
{
  stralloc check = STRALLOC_ZERO;
  int result = -1;

  if (service_append(&check, "if { test -p ") < 0 ||
      service_word(&check, "", home(b), "/queue/lock/trigger") < 0 ||
      service_append(&check, " }\nredirfd -w 2 /dev/null\nredirfd -nw 1 ") < 0 ||
      service_word(&check, "", home(b), "/queue/lock/trigger") < 0 || service_append(&check, " true") < 0 ||
      !stralloc_0(&check))
    goto end;
  if (service_append(sa, "s6-notifyoncheck -3 3 -d -n 0 -w 200 -c ") < 0 || service_quote(sa, check.s) < 0)
    goto end;
  result = service_append(sa, "\n");
end:
  stralloc_free(&check);
  return result;
}

/* What qmail-local runs for users inherits this environment: hence a clean one, as qmail-start(8) advises. */
static int add_start(stralloc *sa, service const *sv)
{
  bundle const *b = sv->bundle;

  if (service_append(sa, "emptyenv\nexport PATH ") < 0) return -1;
  if (service_word(sa, "", home(b), "/bin:/usr/local/bin:/usr/bin:/bin") < 0 || service_append(sa, "\n") < 0)
    return -1;
  if (service_word(sa, "", home(b), "/bin/qmail-start") < 0 || service_append(sa, " ") < 0) return -1;
  return service_quote(sa, delivery(sv)) < 0 ? -1 : service_append(sa, "\n");
}

static int add_programs(service *sv)
{
  static char const *const names[] = {"qmail-start", "qmail-send", "qmail-lspawn", "qmail-rspawn",
                                      "qmail-clean"};
  stralloc path = STRALLOC_ZERO;
  int result = 0;

  for (unsigned int i = 0; !result && i < sizeof names / sizeof *names; i++)
  {
    path.len = 0;
    result = service_append(&path, "%s/bin/%s", home(sv->bundle), names[i]) < 0 || !stralloc_0(&path)
                 ? -1
                 : service_add_program(sv, path.s);
  }
  stralloc_free(&path);
  return result;
}

static int make(service *sv, report *r)
{
  stralloc sa = STRALLOC_ZERO;
  int result = -1;

  (void)r;
  sv->user = 0; /* qmail-start gives each of its children its user */
  if (service_prelude(sv, &sa) < 0 || add_check(&sa, sv->bundle) < 0 || add_start(&sa, sv) < 0) goto end;
  if (service_add_file(sv, "run", sa.s, sa.len, 0755) < 0 || add_programs(sv) < 0) goto end;
  if (service_add_text(sv, "notification-fd", 0644, "3\n") < 0) goto end;
  result = service_add_text(sv, "timeout-kill", 0644, "%llu\n", patience(sv));
end:
  stralloc_free(&sa);
  return result;
}

static void check(service const *sv, report *r)
{
  stralloc path = STRALLOC_ZERO;
  struct stat st;

  if (!sv->bundle->root)
    report_warning(r, sv->bundle->self, "mta", "qmail-start must be started by root to become qmail's users");
  if (service_append(&path, "%s/queue/lock/trigger", home(sv->bundle)) == 0 && stralloc_0(&path) &&
      (stat(path.s, &st) < 0 || !S_ISFIFO(st.st_mode)))
    report_error(r, sv->bundle->self, "qmail-home", "%s: there is no such FIFO: is a qmail installed there?",
                 path.s);
  stralloc_free(&path);
}

static int lock(service const *sv, stralloc *path)
{
  return service_append(path, "%s/queue/lock/sendmutex", home(sv->bundle)) < 0 || !stralloc_0(path) ? -1 : 0;
}

service_kind const qmail_kinds[] = {
    {.section = {.name = "qmail-send", .help = "The delivery of a bundle with mta = qmail", .keys = keys},
     .present = bundle_qmail,
     .make = make,
     .service = "qmail-send",
     .check = check,
     .lock = lock},
    {.section = {.name = 0}}};

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <services/contract/service.h>
#include <services/contract/where.h>
#include <services/remote/settings.h>

static key const keys[] = {
    {.name = "tls",
     .type = KEY_TEXT,
     .repeat = 1,
     .help = "how TLS is used, \"DOMAIN LEVEL\": none, may (the default), encrypt or verify; .example.org is "
             "all below, * "
             "all"},
    {.name = "auth",
     .type = KEY_PATH,
     .help = "the file with passwords for relays, lines of \"RELAY USER PASSWORD\", which only the user may "
             "read"},
    {.name = "resolver",
     .type = KEY_TEXT,
     .help = "the servers of the DNS, ADDRESS:PORT, ...; without it those of /etc/resolv.conf"},
    {.name = "mta-sts",
     .type = KEY_TEXT,
     .help = "where postfix-mta-sts-resolver listens: ADDRESS:PORT, or a path"},
    {.name = "concurrency",
     .type = KEY_COUNT,
     .fallback = "50",
     .min = 1,
     .max = 500,
     .help = "how many deliveries there are at a time"},
    {.name = "destination-concurrency",
     .type = KEY_COUNT,
     .fallback = "10",
     .min = 1,
     .max = 500,
     .help = "how many of them go to one destination"},
    {.name = "retry",
     .type = KEY_TIME,
     .fallback = "400s",
     .min = 1000,
     .max = 86400000,
     .help = "the pause after a message's first failure; later ones grow"},
    {.name = "lifetime",
     .type = KEY_TIME,
     .fallback = "5d",
     .max = 8640000000,
     .help = "how long a message is tried before its sender gets it back"},
    {.name = "delay-warning",
     .type = KEY_TIME,
     .fallback = "4h",
     .max = 8640000000,
     .help = "after what time its sender is told that it still waits; 0: never"},
    {.name = "user", .type = KEY_USER, .help = "whom remote runs as; best one that nothing else does"},
    {.name = 0}};

int remote_present(bundle const *b)
{
  return spool_present(b) && bundle_section(b, "remote");
}

char const *remote_user(bundle const *b)
{
  return bundle_user(b, bundle_section(b, "remote"));
}

int remote_socket(stralloc *path, bundle const *b)
{
  return stralloc_cats(path, b->run) && stralloc_cats(path, "/remote.sock") && stralloc_0(path) ? 0 : -1;
}

static int remote_add_signer(stralloc *sa, bundle const *b)
{
  stralloc path = STRALLOC_ZERO;
  int result = 0;

  if (!dkim_present(b)) return 0;
  if (section_number(bundle_section(b, "dkim"), "away")) result = service_append(sa, " -u");
  if (dkim_socket(&path, b) < 0 || service_word(sa, " -k ", path.s, "") < 0) result = -1;
  stralloc_free(&path);
  return result;
}

static int remote_add_options(stralloc *sa, service const *sv)
{
  static char const *const options[][2] = {{" -a ", "auth"}, {" -n ", "resolver"}, {" -m ", "mta-sts"}};
  value const *v;

  for (unsigned int i = 0; i < sizeof options / sizeof options[0]; i++)
  {
    char const *text = section_text(sv->section, options[i][1]);
    if (text && *text && service_word(sa, options[i][0], text, "") < 0) return -1;
  }
  for (size_t i = 0; (v = section_nth(sv->section, "tls", i)); i++)
    if (v->text && *v->text && service_word(sa, " -t ", v->text, "") < 0) return -1;
  if (remote_add_signer(sa, sv->bundle) < 0 || service_word(sa, " -c ", sv->bundle->control, "") < 0)
    return -1;
  return service_append(sa, "\n");
}

/*
 * The socket is spool's user's alone. remote -S writes its readiness newline to descriptor 1.
 */
static int remote_add_server(stralloc *sa, service *sv, char const *program)
{
  unsigned int n = (unsigned int)section_number(sv->section, "concurrency");
  stralloc path = STRALLOC_ZERO;
  int result = -1;

  if (remote_socket(&path, sv->bundle) < 0 || service_append(sa, "s6-ipcserver-socketbinder -a 0600 ") < 0 ||
      service_word(sa, "", path.s, "") < 0 || service_append(sa, "\n") < 0)
    goto end;
  if (sv->bundle->root && (service_append(sa, "if { chown -h %s ", spool_user(sv->bundle)) < 0 ||
                           service_word(sa, "", path.s, "") < 0 || service_append(sa, " }\n") < 0))
    goto end;
  if (service_append(sa, "cd ") < 0 || service_quote(sa, sv->bundle->home) < 0 ||
      service_append(sa, "\n") < 0 || service_drop(sv, sa) < 0 || service_append(sa, "fdmove 1 3\n") < 0 ||
      service_quote(sa, program) < 0 || service_append(sa, " -S %u", n) < 0)
    goto end;
  result = remote_add_options(sa, sv);
end:
  stralloc_free(&path);
  return result;
}

static void remote_check_rules(service const *sv, report *r)
{
  value const *v;

  for (size_t i = 0; (v = section_nth(sv->section, "tls", i)); i++)
    if (v->text && *v->text && rule_level(v->text) < 0)
      report_line(r, v->line, "[remote] tls: \"%s\" is not DOMAIN and one of none, may, encrypt and verify",
                  v->text);
}

static int make(service *sv, report *r)
{
  stralloc program = STRALLOC_ZERO, sa = STRALLOC_ZERO;
  int result = -1;

  remote_check_rules(sv, r);
  if (dkim_present(sv->bundle) && service_add_need(sv, "dkim") < 0) return -1;
  if (service_append(&program, "%s/remote", sv->bundle->libexec) == 0 && stralloc_0(&program) &&
      service_prelude(sv, &sa) == 0 && remote_add_server(&sa, sv, program.s) == 0 &&
      service_add_file(sv, "run", sa.s, sa.len, 0755) == 0 && service_add_program(sv, program.s) == 0 &&
      service_add_text(sv, "notification-fd", 0644, "3\n") == 0)
    result = service_add_text(sv, "timeout-kill", 0644, "5000\n");
  stralloc_free(&program);
  stralloc_free(&sa);
  return result;
}

/* What remote would refuse, message by message. */
static void check(service const *sv, report *r)
{
  char const *path = section_text(sv->section, "auth");
  struct passwd const *pw;
  struct stat st;

  if (!path || !*path) return;
  if (stat(path, &st) < 0)
    report_error(r, sv->section, "auth", "%s: %s", path, strerror(errno));
  else if (!S_ISREG(st.st_mode))
    report_error(r, sv->section, "auth", "%s: not a file", path);
  else if (st.st_mode & 077)
    report_error(r, sv->section, "auth", "%s: others may read it: chmod 600 %s", path, path);
  else if (sv->bundle->root && sv->user && (pw = getpwnam(sv->user)) && pw->pw_uid && pw->pw_uid != st.st_uid)
    report_error(r, sv->section, "auth", "%s: %s may not read it: chown %s %s", path, sv->user, sv->user,
                 path);
}

static int uses(service const *sv, genalloc *list)
{
  static char const *const names[] = {"helohost", "me", "smtproutes", "timeoutconnect", "timeoutremote"};
  int result = 0;

  for (unsigned int i = 0; i < sizeof names / sizeof names[0] && !result; i++)
    result = use_add(list, R_OK, sv->bundle->control, names[i]);
  return result;
}

service_kind const remote_kinds[] = {
    {.section = {.name = "remote", .help = "Mail to other hosts, by SMTP", .keys = keys},
     .user = "mailctl-remote",
     .present = remote_present,
     .make = make,
     .service = "remote",
     .check = check,
     .uses = uses,
     .init = ""},
    {.section = {.name = 0}}};

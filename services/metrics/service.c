#include <grp.h>
#include <pwd.h>
#include <string.h>

#include <services/contract/service.h>

/* [metrics]: what `mailctl status --metrics` says, to whoever asks by HTTP; a process a request, as a user who may look. */

static key const keys[] = {
    {.name = "listen",
     .type = KEY_ADDRESSES,
     .help = "addresses where Prometheus fetches http://ADDRESS/metrics; without it, the unix socket "
             "metrics.sock "
             "below run"},
    {.name = "mode",
     .type = KEY_TEXT,
     .fallback = "0666",
     .help = "who may ask there, as the octal mode of the unix socket; 0666: everybody on this machine"},
    {.name = "user", .type = KEY_USER, .help = "whom it runs as; must be in status-group of [bundle]"},
    {.name = 0}};

static key const fleet_keys[] = {
    {.name = "host",
     .type = KEY_TEXT,
     .repeat = 1,
     .help = "NAME COMMAND: what runs mailctl on that machine, such as mx1 ssh root@mx1.example.org mailctl"},
    {.name = 0}};

#define AT_ONCE "8" /* requests; and of one client, 4 */

static int add_server(stralloc *sa, service *sv, report *r)
{
  bundle const *b = sv->bundle;
  char const *list = section_text(sv->section, "listen"), *word;
  size_t n;

  if (!list || !*list)
    return service_bind(sv, sa, "/metrics.sock", r) < 0 || service_drop(sv, sa) < 0
               ? -1
               : service_append(sa, "fdmove 1 3\ns6-ipcserverd -1 -P -c " AT_ONCE " -C 4\n");
  if (service_quote(sa, b->libexec) < 0 || service_append(sa, "/tcplisten -d 3 -c " AT_ONCE " -C 4 -t 5") < 0)
    return -1;
  if (b->root && sv->user && service_append(sa, " -u %s", sv->user) < 0) return -1;
  while ((n = list_word(&list, &word)))
    if (service_append(sa, " %.*s", (int)n, word) < 0) return -1;
  return service_append(sa, " --\n");
}

static int make(service *sv, report *r)
{
  bundle const *b = sv->bundle;
  stralloc program = STRALLOC_ZERO, sa = STRALLOC_ZERO;
  char const *group = section_text(b->self, "status-group");
  int result = -1;

  if (b->root && (!group || !*group))
    report_error(r, sv->section, 0,
                 "it looks as another user than root: put status-group in [bundle], a group that %s is in",
                 sv->user ? sv->user : "its user");
  if (service_append(&program, "%s/metrics", b->libexec) < 0 || !stralloc_0(&program) ||
      service_prelude(sv, &sa) < 0 || add_server(&sa, sv, r) < 0 || service_quote(&sa, program.s) < 0 ||
      service_word(&sa, " ", b->bin, "/mailctl") < 0 || service_word(&sa, " -c ", b->file, "") < 0 ||
      service_append(&sa, " status --metrics\n") < 0)
    goto end;
  if (service_add_file(sv, "run", sa.s, sa.len, 0755) == 0 && service_add_program(sv, program.s) == 0 &&
      service_add_text(sv, "notification-fd", 0644, "3\n") == 0)
    result = service_add_text(sv, "timeout-kill", 0644, "10000\n");
end:
  stralloc_free(&program);
  stralloc_free(&sa);
  return result;
}

/* Its user must be in the group. */
static void check(service const *sv, report *r)
{
  char const *name = section_text(sv->bundle->self, "status-group");
  struct group const *g = name ? getgrnam(name) : 0;
  struct passwd const *pw = sv->user ? getpwnam(sv->user) : 0;
  gid_t wanted = g ? g->gr_gid : 0, groups[64];
  int n = 64;

  if (!sv->bundle->root || !g || !pw || getgrouplist(pw->pw_name, pw->pw_gid, groups, &n) < 0) return;
  while (n)
    if (groups[--n] == wanted) return;
  report_error(r, sv->section, "user",
               "%s is not in the group %s (status-group), and sees nothing (root: usermod -aG %s %s)",
               sv->user, name, name, sv->user);
}

service_kind const metrics_kinds[] = {
    {.section = {.name = "metrics", .help = "The state of all this for Prometheus", .keys = keys},
     .make = make,
     .check = check,
     .service = "metrics",
     .user = "mailctl-metrics"},
    {.section = {.name = "fleet",
                 .help = "Other machines, for mailctl status --fleet and mailctl overload --fleet",
                 .keys = fleet_keys}},
    {.section = {.name = 0}}};

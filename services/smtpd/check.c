#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/bytestr.h>
#include <skalibs/stralloc.h>

#include <runlib/mapping.h>
#include <runlib/mappingrules.h>
#include <runlib/nets.h>

#include <services/contract/where.h>

#include "check.h"
#include "control.h"
#include "spp.h"

/* The name below directory, or name itself where it is absolute. */
static char const *join(stralloc *sa, char const *directory, char const *name)
{
  sa->len = 0;
  if (*name != '/' && (!stralloc_cats(sa, directory) || !stralloc_cats(sa, "/"))) return 0;
  return stralloc_cats(sa, name) && stralloc_0(sa) ? sa->s : 0;
}

static void check_lists(service const *sv, report *r, stralloc *path)
{
  stralloc lines = STRALLOC_ZERO;
  char const *name = join(path, sv->bundle->control, "me");
  int found = name ? control_list(&lines, name) : 1;

  if (found < 0)
    report_error(r, sv->section, 0, "%s: %s", name, strerror(errno));
  else if (!found || (name && !lines.len))
    report_error(r, sv->section, 0, "%s: it must be there and hold this machine's name", name);
  name = join(path, sv->bundle->control, "rcpthosts");
  if (name && access(name, F_OK) < 0 && errno == ENOENT)
    report_warning(r, sv->section, 0, "%s: there is none: only mail for the name in control/me is accepted",
                   name);
  stralloc_free(&lines);
}

/* What is accepted for a domain that the embedded spool does not deliver would end in failed/. */
static void check_domains(service const *sv, report *r, stralloc *path)
{
  rules_files const files = {.control = sv->bundle->control};
  char const *queue = section_text(sv->section, "queue"),
             *name = join(path, sv->bundle->control, "rcpthosts");
  stralloc lines = STRALLOC_ZERO;
  mapping m = MAPPING_ZERO;
  rules read = RULES_ZERO;

  if (bundle_qmail(sv->bundle) || remote_present(sv->bundle) || (queue && *queue)) return;
  if (name && control_list(&lines, name) > 0 && rules_load(&read, &files, &m) > 0)
    for (size_t i = 0; i < lines.len; i += strlen(lines.s + i) + 1)
    {
      case_lowers(lines.s + i);
      if (!mapping_local(&m, lines.s + i))
        report_warning(
            r, sv->section, 0,
            "%s: %s: mail for it is accepted, and nobody delivers it: put it into control/locals, too", name,
            lines.s + i);
    }
  mapping_free(&m);
  stralloc_free(&read.wrong);
  stralloc_free(&lines);
}

static int is_builtin(char const *line)
{
  return !strncmp(line, "builtin:", 8);
}

static void check_plugin(service const *sv, report *r, stralloc *path, char const *line)
{
  char const *name;

  if (*line == ':' || !strcmp(line, "builtin:overload")) return;
  if (is_builtin(line))
  {
    report_error(r, sv->section, 0, "control/smtpplugins: %s: there is only builtin:overload", line);
    return;
  }
  name = join(path, sv->bundle->home, line);
  if (name && access(name, X_OK) < 0 && errno != EACCES)
    report_error(r, sv->section, 0, "control/smtpplugins: %s: %s", name, strerror(errno));
}

/* Whether the monitor only raises its flag: commands of its own may be all that is wanted of it. */
static int only_flags(bundle const *b)
{
  section const *monitor = bundle_section(b, "monitor");

  return monitor && !section_says(monitor, "on-enter") && !section_says(monitor, "on-severe-enter");
}

static void check_plugins(service const *sv, report *r, stralloc *path)
{
  stralloc lines = STRALLOC_ZERO;
  char const *name = join(path, sv->bundle->control, "smtpplugins");
  spp_section current = SPP_NONE;
  char const *line;
  size_t at = 0;
  int heeds = 0;

  if (name && control_list(&lines, name) < 0)
    report_error(r, sv->section, 0, "%s: %s", name, strerror(errno));
  while ((line = spp_next(&lines, &at, &current)))
    if (current == SPP_NONE)
      report_warning(r, sv->section, 0, "control/smtpplugins: %s: in no section, so it is never run", line);
    else if (*line != '[')
    {
      check_plugin(sv, r, path, line);
      heeds |= strstr(line, "overload") != 0;
    }
  if (!heeds && only_flags(sv->bundle))
    report_warning(
        r, sv->section, 0,
        "control/smtpplugins: no line looks at the overload flag that [monitor] raises, so nobody is "
        "refused: put `builtin:overload` below [connection] and below [mail]");
  stralloc_free(&lines);
}

void smtpd_check(service const *sv, report *r)
{
  char const *program = section_text(sv->section, "program");
  char const *queue = section_text(sv->section, "queue");
  stralloc path = STRALLOC_ZERO;

  if (queue && *queue && access(queue, X_OK) < 0 && errno != EACCES)
    report_error(r, sv->section, "queue", "%s: %s", queue, strerror(errno));
  /* Both services read the same files: one of them tells. */
  if ((!program || !*program) &&
      (sv->section == bundle_section(sv->bundle, "smtpd") || !bundle_section(sv->bundle, "smtpd")))
  {
    check_lists(sv, r, &path);
    check_domains(sv, r, &path);
    check_plugins(sv, r, &path);
  }
  stralloc_free(&path);
}

static int use_plugins(service const *sv, genalloc *uses, char const *file)
{
  stralloc lines = STRALLOC_ZERO;
  spp_section current = SPP_NONE;
  char const *line;
  size_t at = 0;
  int result = 0;

  (void)control_list(&lines, file);
  while (!result && (line = spp_next(&lines, &at, &current)))
    if (current != SPP_NONE && *line != '[' && *line != ':' && !is_builtin(line))
      result = use_add_from(uses, X_OK, sv->bundle->home, line, "control/smtpplugins");
  stralloc_free(&lines);
  return result;
}

static int use_control(service const *sv, genalloc *uses)
{
  static char const *const names[] = {"me",          "smtpgreeting", "localiphost", "defaultdomain",
                                      "databytes",   "timeoutsmtpd", "rcpthosts",   "morercpthosts.cdb",
                                      "badmailfrom", "badrcptto",    "validrcptto", "validrcptto.cdb",
                                      "smtpplugins", "senders",      "aliases"};
  stralloc path = STRALLOC_ZERO;
  int result = 0;

  for (unsigned int i = 0; i < sizeof names / sizeof names[0] && !result; i++)
    result = use_add(uses, R_OK, sv->bundle->control, names[i]);
  if (!result) result = join(&path, sv->bundle->control, "smtpplugins") ? use_plugins(sv, uses, path.s) : -1;
  stralloc_free(&path);
  return result;
}

int smtpd_uses(service const *sv, genalloc *uses)
{
  bundle const *b = sv->bundle;
  char const *program = section_text(sv->section, "program");
  char const *queue = section_text(sv->section, "queue");

  if (program && *program) return 0;
  if (!bundle_qmail(b) && spool_says(b, "aliases") &&
      use_add_from(uses, R_OK, "", spool_says(b, "aliases"), "aliases") < 0)
    return -1;
  if (use_add(uses, X_OK, b->libexec, "smtpd") < 0 || use_control(sv, uses) < 0) return -1;
  if (queue && *queue) return use_add(uses, X_OK, "", queue);
  return bundle_qmail(b) ? use_add(uses, X_OK, b->home, "bin/qmail-queue")
                         : use_add(uses, F_OK, b->state, sv->name);
}

void check_proxies(service const *sv, report *r)
{
  char const *list = section_text(sv->section, "proxy"), *word;
  char text[NET_FMT];
  net any;
  size_t n;

  while (list && (n = list_word(&list, &word)))
  {
    snprintf(text, sizeof text, "%.*s", (int)n, word);
    if (n >= sizeof text || !nets_scan(text, &any))
      report_error(r, sv->section, "proxy",
                   "%s is neither an address nor a network (write 192.0.2.1 or 192.0.2.0/24)", text);
  }
}

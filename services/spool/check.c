#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <runlib/mapping.h>
#include <runlib/mappingrules.h>

#include <services/contract/where.h>

#include "check.h"

/* What spool-deliver will find: up makes postmaster; where we may not look, it may be there. */
static int spool_exists(void *data, char const *name)
{
  stralloc path = STRALLOC_ZERO;
  struct stat st;
  int result = strcmp(name, "postmaster") != 0;

  if (!result) return 1;
  if (service_append(&path, "%s/%s/new", (char const *)data, name) < 0 || !stralloc_0(&path)) result = -1;
  if (result > 0 && stat(path.s, &st) < 0) result = errno != ENOENT && errno != ENOTDIR;
  stralloc_free(&path);
  return result;
}

/* Mail for a name that leads nowhere comes back, or lies in failed/. Its Maildir may be made later: a warning. */
static void check_target(service const *sv, report *r, mapping const *m, char const *which, char const *name)
{
  stralloc mail = STRALLOC_ZERO, directories = STRALLOC_ZERO, why = STRALLOC_ZERO;

  if (spool_mail(&mail, sv->bundle, "") == 0 &&
      mapping_find(m, name, strlen(name), &spool_exists, mail.s, &directories, &why) == 0)
    report_warning(r, sv->section, which, "%s leads to no Maildir: %.*s", name, (int)why.len, why.s);
  stralloc_free(&mail);
  stralloc_free(&directories);
  stralloc_free(&why);
}

static void check_targets(service const *sv, report *r, mapping const *m)
{
  char const *catchall = spool_says(sv->bundle, "catch-all");
  alias const *a = genalloc_s(alias, &m->aliases);

  for (size_t n = genalloc_len(alias, &m->aliases); n; n--, a++)
    check_target(sv, r, m, "aliases", m->text.s + a->name);
  if (catchall) check_target(sv, r, m, "catch-all", catchall);
}

void spool_check(service const *sv, report *r)
{
  char const *said = spool_says(sv->bundle, "aliases");
  stralloc path = STRALLOC_ZERO;
  rules read = RULES_ZERO;
  mapping m = MAPPING_ZERO;
  rules_files files = {.control = sv->bundle->control,
                       .foreign = remote_present(sv->bundle),
                       .programs = sv->section && section_number(sv->section, "programs") ? RULES_RUN : 0};

  if (spool_aliases(&path, sv->bundle) < 0) return;
  files.aliases = path.s;
  if (rules_load(&read, &files, &m) < 0)
    report_error(r, sv->section, said ? "aliases" : 0, "%s", read.wrong.len ? read.wrong.s : "out of memory");
  else if (said && access(said, F_OK) < 0 && errno == ENOENT)
    report_error(r, sv->section, "aliases", "%s: %s", said, strerror(errno));
  else
    check_targets(sv, r, &m);
  mapping_free(&m);
  stralloc_free(&read.wrong);
  stralloc_free(&path);
}

int spool_uses(service const *sv, genalloc *list)
{
  static char const *const names[] = {"locals", "me", "rcpthosts", "aliases"};
  char const *aliases = spool_says(sv->bundle, "aliases");
  stralloc path = STRALLOC_ZERO;
  int result = spool_path(&path, sv->bundle, "/todo") < 0 ? -1 : use_add(list, F_OK, "", path.s);

  for (unsigned int i = 0; i < sizeof names / sizeof names[0] && !result; i++)
    result = use_add(list, R_OK, sv->bundle->control, names[i]);
  if (aliases && !result) result = use_add(list, R_OK, "", aliases);
  stralloc_free(&path);
  return result;
}

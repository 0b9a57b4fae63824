#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include <skalibs/strerr.h>

#include "recipients.h"

/* As maildir_exists of the spool, by a user who may not enter Maildirs: one that bars it is there. */
static int exists(void *data, char const *name)
{
  char path[PATH_MAX];
  struct stat st;

  if (snprintf(path, sizeof path, "%s/%s/new", (char const *)data, name) >= (int)sizeof path) return 0;
  if (!stat(path, &st)) return S_ISDIR(st.st_mode);
  if (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG) return 0;
  if (errno != EACCES) return -1;
  path[strlen(path) - 4] = 0;
  return stat(path, &st) ? -1 : S_ISDIR(st.st_mode);
}

static int find(recipients *r, recipients_files const *f, char const *address, size_t len)
{
  stralloc directories = STRALLOC_ZERO, why = STRALLOC_ZERO;
  int n = mapping_find(&r->map, address, len, &exists, (void *)f->mail, &directories, &why);

  stralloc_free(&directories);
  stralloc_free(&why);
  return n > 0 ? 1 : n;
}

static int is_local(recipients const *r, char const *address)
{
  char domain[256];
  char const *at = strrchr(address, '@');
  size_t n = at ? strlen(at + 1) : 0;

  if (!at) return 1;
  if (n >= sizeof domain) return 0;
  for (size_t i = 0; i <= n; i++)
    domain[i] = (char)(at[1 + i] >= 'A' && at[1 + i] <= 'Z' ? at[1 + i] | 32 : at[1 + i]);
  if (n && domain[n - 1] == '.') domain[n - 1] = 0;
  return mapping_local(&r->map, domain);
}

int recipients_warm(recipients *r, recipients_files const *f)
{
  int result = f->mail ? rules_load(&r->rules, &f->rules, &r->map) : 0;

  if (result < 0) rules_forget(&r->rules);
  return result > 0;
}

static void load(recipients *r, recipients_files const *f)
{
  if (rules_load(&r->rules, &f->rules, &r->map) < 0)
    strerr_warnw(r->rules.wrong.len ? r->rules.wrong.s : "out of memory",
                 ": no recipient is refused as unknown");
}

int recipients_lead(recipients *r, recipients_files const *f, char const *address, size_t len,
                    char const *name)
{
  stralloc directories = STRALLOC_ZERO, why = STRALLOC_ZERO;
  int n, found = 0;

  load(r, f);
  if (!is_local(r, address)) return 0;
  n = mapping_find(&r->map, address, len, &exists, (void *)f->mail, &directories, &why);
  for (size_t i = 0; n > 0 && i < directories.len && !found; i += strlen(directories.s + i) + 1)
    found = !strcasecmp(directories.s + i, name);
  stralloc_free(&directories);
  stralloc_free(&why);
  return n < 0 || (!found && r->rules.stale) ? -1 : found;
}

int recipients_known(recipients *r, recipients_files const *f, char const *address, size_t len,
                     int local_only)
{
  int n;

  load(r, f);
  /* What the map says is not what the files say, whoever read them: nobody is unknown. */
  if (r->rules.stale || (!local_only && !is_local(r, address))) return -1;
  n = find(r, f, address, len);
  /* A directory that has not even a postmaster is likely one that is not mounted: then nobody is unknown. */
  return n ? n : find(r, f, "postmaster", 10) > 0 ? 0 : -1;
}

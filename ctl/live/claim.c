#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <runlib/linkreplace.h>

#include <ctl/live/claim.h>
#include <ctl/live/live.h>

/*
 * Where directory/name leads to, if that is there and is not wanted: into other (PATH_MAX bytes). What was moved or
 * renamed is not there any more under its old name.
 */
static int claim_leads_elsewhere(char *other, char const *directory, char const *name, char const *wanted)
{
  stralloc link = STRALLOC_ZERO;
  struct stat a, b;
  ssize_t n = -1;

  if (service_append(&link, "%s/%s", directory, name) == 0 && stralloc_0(&link))
    n = readlink(link.s, other, PATH_MAX - 1);
  stralloc_free(&link);
  if (n <= 0) return 0;
  other[n] = 0;
  if (stat(other, &a) < 0) return 0;
  return stat(wanted, &b) < 0 || a.st_dev != b.st_dev || a.st_ino != b.st_ino;
}

static int claim_is_up(char const *run)
{
  stralloc scandir = STRALLOC_ZERO;
  int up = service_append(&scandir, "%s/service", run) == 0 && stralloc_0(&scandir) &&
           live_supervisor(scandir.s) > 0;

  stralloc_free(&scandir);
  return up;
}

int claim_taken(bundle const *b, report *r)
{
  char other[PATH_MAX];

  if (claim_leads_elsewhere(other, b->state, ".run", b->run) && claim_is_up(other))
    report_error(r, b->self, "run", "this bundle is up in %s: first `mailctl down`, then up", other);
  else if (!claim_is_up(b->run))
    return 0;
  else if (claim_leads_elsewhere(other, b->run, ".state", b->state))
    report_error(
        r, b->self, "state",
        "what is up in %s has its state in %s: set it back; or take that down first, with the old one, "
        "and move it",
        b->run, other);
  else if (claim_leads_elsewhere(other, b->state, ".file", b->file))
    report_error(
        r, b->self, "run",
        "what is up in %s was brought up from %s: give this file a run, state and log of its own; or take "
        "that down first, with -c %s",
        b->run, other, other);
  else
    return 0;
  return 1;
}

int claim_make(bundle const *b)
{
  if (link_replace(b->state, ".run", b->run) < 0 || link_replace(b->state, ".file", b->file) < 0) return -1;
  return link_replace(b->run, ".state", b->state);
}

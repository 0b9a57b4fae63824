#include <errno.h>
#include <signal.h>
#include <string.h>

#include <runlib/started.h>

#include <ctl/live/current.h>
#include <ctl/live/live.h>
#include <ctl/live/servicedir.h>

/* 1: the process of the record lives; 0: none does; -1: we may not see. sa is room for a path. */
static int read_record(started *now, stralloc *sa, bundle const *b, char const *name, char const *suffix)
{
  sa->len = 0;
  if (service_append(sa, "%s/started/%s%s", b->run, name, suffix) < 0 || !stralloc_0(sa)) return 0;
  if (started_read(now, sa->s) < 0) return errno == EACCES ? -1 : 0;
  if (now->ticks == started_ticks(now->pid)) return 1;
  return kill(now->pid, 0) < 0 && errno == EPERM && !started_ticks(now->pid) ? -1 : 0; /* /proc is hidden */
}

static running compare(bundle const *b, char const *name, char const *dir_suffix, char const *suffix,
                       char const *content, int *hidden)
{
  stralloc sa = STRALLOC_ZERO;
  live_status st = {.up = 0};
  started now = {.pid = 0};
  running r;
  int known = servicedir_path(&sa, b->run, name, dir_suffix) >= 0 && live_read(sa.s, &st) >= 0;
  int shut = !known && errno == EACCES;
  int recorded = st.supervised || shut ? read_record(&now, &sa, b, name, suffix) : 0;

  if (hidden) *hidden = shut;
  if (shut && recorded < 0)
    r = RUNNING_UNKNOWN;
  else if (known ? !st.up : recorded <= 0)
    r = RUNNING_NOT;
  else if (recorded <= 0 || (known && now.pid != st.pid) || strcmp(now.content, content))
    r = RUNNING_OLD;
  else
    r = now.replaced ? RUNNING_REPLACED : RUNNING_SAME;
  stralloc_free(&sa);
  return r;
}

running current_compare(bundle const *b, char const *name, char const *content, int *hidden)
{
  return compare(b, name, "", "", content, hidden);
}

running current_compare_logger(bundle const *b, char const *name, char const *content)
{
  return compare(b, name, "/log", ".log", content, 0);
}

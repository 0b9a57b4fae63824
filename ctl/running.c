#include <string.h>

#include <runlib/started.h>

#include <ctl/live.h>
#include <ctl/running.h>
#include <ctl/servicedir.h>

static running compare(bundle const *b, char const *name, char const *dir_suffix, char const *suffix,
                       char const *content)
{
  stralloc sa = STRALLOC_ZERO;
  live_status st = {.up = 0};
  started now = {.pid = 0};
  running r;
  int known = servicedir_path(&sa, b->run, name, dir_suffix) >= 0 && live_read(sa.s, &st) >= 0;
  int recorded;

  sa.len = 0;
  recorded = st.supervised && service_append(&sa, "%s/started/%s%s", b->run, name, suffix) >= 0 &&
             stralloc_0(&sa) && started_read(&now, sa.s) >= 0 && now.ticks == started_ticks(now.pid);
  if (known ? !st.up : !recorded)
    r = RUNNING_NOT;
  else if (!recorded || (known && now.pid != st.pid) || strcmp(now.content, content))
    r = RUNNING_OLD;
  else
    r = now.replaced ? RUNNING_REPLACED : RUNNING_SAME;
  stralloc_free(&sa);
  return r;
}

running running_compare(bundle const *b, char const *name, char const *content)
{
  return compare(b, name, "", "", content);
}

running running_compare_logger(bundle const *b, char const *name, char const *content)
{
  return compare(b, name, "/log", ".log", content);
}

/*
 * conftables: a filter that the build uses. Copies a manual page and puts every section and key of
 * mailctl.conf in the place of the line `.\" TABLES`.
 */
#include <stdio.h>
#include <string.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>

#include <ctl/conf/describe.h>

int main(void)
{
  stralloc sa = STRALLOC_ZERO;
  char line[1024];

  PROG = "conftables";
  while (fgets(line, sizeof line, stdin))
    if (strcmp(line, ".\\\" TABLES\n") ? !stralloc_cats(&sa, line) : describe_manual(&sa) < 0)
      strerr_dief1x(111, "memory is short");
  if (allwrite(1, sa.s, sa.len) < sa.len) strerr_diefu1sys(111, "write");
  stralloc_free(&sa);
  return 0;
}

#include <stdio.h>
#include <string.h>

#include <skalibs/allreadwrite.h>

#include <ctl/command/command.h>
#include <ctl/command/dnscheck.h>
#include <ctl/machine/load.h>

/* A record that is missing stops nothing of ours: a warning each. */
static void check_dns(wanted const *w)
{
  section const *s = bundle_section(&w->b, "dns");
  stralloc said = STRALLOC_ZERO;
  report r = REPORT_ZERO;
  char *next;

  r.file = w->b.file;
  if (s && section_number(s, "check") && dns_check(&said, &w->b) > 0 && stralloc_0(&said))
    for (char *line = said.s; (next = strchr(line, '\n')); line = next + 1)
    {
      *next = 0;
      report_warning(&r, s, 0, "%s", line);
    }
  allwrite(2, r.text.s, r.text.len);
  report_free(&r);
  stralloc_free(&said);
}

/* `mailctl check`: every problem in the configuration and in the machine, and nothing else. */
int command_check(context const *cx, int argc, char const *const *argv)
{
  wanted w = WANTED_ZERO;
  int status = argc > 1 ? usage_error(argv[0], "it takes no names") : wanted_load(&w, cx, 1);

  if (!status) check_dns(&w);
  if (!status)
    printf("%s: nothing is wrong; it makes %zu services\n%.*s", cx->file, plan_count(&w.p), (int)w.notes.len,
           w.notes.s);
  wanted_free(&w);
  return status;
}

/*
 * facttables: a filter that the build uses. Copies a manual page and puts the facts of the services, and those
 * of the whole, in the place of the lines `.\" SERVICE FACTS` and `.\" BUNDLE FACTS`.
 */
#include <stdio.h>
#include <string.h>

#include <ctl/status/field.h>
#include <ctl/status/show.h>

static char const *const types[] = {"text",  "count",   "number", "percent",
                                    "bytes", "seconds", "time",   "yes or no"};

/* Lines of a manual page have at most 80 bytes. */
static void put_text(char const *s)
{
  while (strlen(s) > 78)
  {
    size_t len = 78;
    while (len && s[len] != ' ') len--;
    printf("%.*s\n", (int)len, s);
    s += len + 1;
  }
  puts(s);
}

static void put_fields(status_field_scope scope)
{
  char metric[SHOW_METRIC];

  puts(".Bl -tag -width Ds");
  for (size_t i = 0; i < status_fields_count; i++)
  {
    status_field const *f = status_fields + i;
    if (f->scope != scope) continue;
    show_metric_name(metric, f);
    printf(".It Li %s , %s%s%s\n", f->name, types[f->type], f->metric == METRIC_NONE ? "" : " , Li ",
           f->metric == METRIC_NONE ? "" : metric);
    put_text(f->help);
  }
  puts(".El");
}

/* The columns of the table, those that go last first. */
static void put_columns(void)
{
  for (unsigned int keep = 1; keep < 16; keep++)
    for (size_t i = 0; i < status_fields_count; i++)
      if (status_fields[i].column && status_fields[i].keep == keep)
        printf(".Li %s\n", status_fields[i].title);
}

int main(void)
{
  char line[1024];

  while (fgets(line, sizeof line, stdin))
    if (!strcmp(line, ".\\\" SERVICE FACTS\n"))
      put_fields(FIELD_SERVICE);
    else if (!strcmp(line, ".\\\" BUNDLE FACTS\n"))
      put_fields(FIELD_BUNDLE);
    else if (!strcmp(line, ".\\\" COLUMNS\n"))
      put_columns();
    else
      fputs(line, stdout);
  return fflush(stdout) < 0 || ferror(stdout) ? 111 : 0;
}

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <skalibs/djbunix.h>

#include <runlib/formats.h>
#include <runlib/run.h>

#include <services/contract/service.h>

#include <ctl/context.h>
#include <ctl/machine/formats.h>
#include <ctl/say.h>

#define ASK_TIME 10000 /* ms */

int formats_own(stralloc *table)
{
  for (format const *f = formats; f->store; f++)
    if (service_append(table, "%s %u %u\n", f->store, f->oldest, f->newest) < 0) return -1;
  return 0;
}

int formats_ask(stralloc *table, char const *set)
{
  stralloc program = STRALLOC_ZERO;
  char const *argv[] = {0, "--formats", 0};
  size_t base = table->len;
  int r = -1;

  if (service_append(&program, "%s/bin/mailctl", set) < 0 || !stralloc_0(&program)) goto end;
  argv[0] = program.s;
  r = run_wait(argv, 0, 0, table, ASK_TIME);
  if (r) table->len = base; /* an older one that knows no such option, or none at all */
end:
  stralloc_free(&program);
  return r < 0 && errno != ENOENT ? -1 : 0;
}

/* The line of a store in a table. Returns 0 where there is none. */
static int formats_find(stralloc const *table, char const *store, unsigned int *oldest, unsigned int *newest)
{
  size_t len = strlen(store);
  char const *end;

  for (char const *s = table->s; table->len && s < table->s + table->len; s = end + 1)
  {
    size_t left = (size_t)(table->s + table->len - s);
    char line[80];
    end = memchr(s, '\n', left);
    if (!end) end = s + left;
    snprintf(line, sizeof line, "%.*s", (int)(end - s), s);
    if (!strncmp(line, store, len) && line[len] == ' ' && sscanf(line + len, "%u %u", oldest, newest) == 2)
      return 1;
  }
  return 0;
}

int formats_fit(char const *state, stralloc const *table, char const *set)
{
  stralloc path = STRALLOC_ZERO, text = STRALLOC_ZERO;
  int status = 0;

  if (service_append(&path, "%s/formats", state) < 0 || !stralloc_0(&path) ||
      !openslurpclose(&text, path.s) || !stralloc_0(&text))
    goto end;
  for (char *s = text.s, *line; !status && (line = strsep(&s, "\n"));)
  {
    char store[32], words[200];
    unsigned int number, oldest, newest;
    if (sscanf(line, "%31s %u", store, &number) != 2 || !table->len) continue;
    if (formats_find(table, store, &oldest, &newest) && number >= oldest && number <= newest) continue;
    snprintf(words, sizeof words, "%s is in format %u", store, number);
    say(state, ": ", words, ", which ", set, " cannot read; run the software that wrote it, or newer");
    status = EXIT_CONF;
  }
end:
  stralloc_free(&path);
  stralloc_free(&text);
  return status;
}

int formats_return(stralloc const *table, char const *back)
{
  int status = 0;

  for (format const *f = formats; f->store && table->len; f++)
  {
    char words[200];
    unsigned int oldest, newest;
    if (formats_find(table, f->store, &oldest, &newest) && f->newest <= newest) continue;
    snprintf(words, sizeof words, "%s in format %u", f->store, f->newest);
    say("this software writes ", words, ", which ", back,
        " cannot read: there would be no way back; `mailctl up "
        "--no-rollback` does without");
    status = EXIT_CONF;
  }
  return status;
}

int formats_note(char const *state)
{
  stralloc path = STRALLOC_ZERO, text = STRALLOC_ZERO, old = STRALLOC_ZERO;
  int result = -1;

  if (service_append(&path, "%s/formats", state) < 0 || !stralloc_0(&path)) goto end;
  for (format const *f = formats; f->store; f++)
    if (service_append(&text, "%s %u\n", f->store, f->newest) < 0) goto end;
  if ((openslurpclose(&old, path.s) && old.len == text.len && !memcmp(old.s, text.s, text.len)) ||
      openwritenclose_suffix_sync(path.s, text.s, text.len, ".new"))
    result = 0;
end:
  stralloc_free(&path);
  stralloc_free(&text);
  stralloc_free(&old);
  return result;
}

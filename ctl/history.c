#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/tai.h>

#include <runlib/journal.h>

#include <ctl/command.h>
#include <ctl/history.h>
#include <ctl/load.h>
#include <ctl/logs.h>
#include <ctl/say.h>

/* --- writing ------------------------------------------------------------------------------------- */

static int journal_path(stralloc *sa, bundle const *b, char const *suffix)
{
  sa->len = 0;
  return service_append(sa, "%s/journal%s", b->state, suffix) < 0 || !stralloc_0(sa) ? -1 : 0;
}

void history_command(bundle const *b, int argc, char const *const *argv)
{
  stralloc file = STRALLOC_ZERO;
  stralloc words = STRALLOC_ZERO;
  int ok = journal_path(&file, b, "") >= 0;

  for (int i = 0; ok && i < argc; i++) ok = service_append(&words, "%s%s", i ? " " : "", argv[i]) >= 0;
  if (ok && stralloc_0(&words) && journal_add(file.s, "command %s uid %d", words.s, (int)getuid()) < 0)
    say_cannot("write ", file.s);
  stralloc_free(&file);
  stralloc_free(&words);
}

void history_generation(bundle const *b, unsigned int number)
{
  stralloc file = STRALLOC_ZERO;

  if (journal_path(&file, b, "") >= 0 && journal_add(file.s, "generation %04u", number) < 0)
    say_cannot("write ", file.s);
  stralloc_free(&file);
}

/* --- reading ------------------------------------------------------------------------------------- */

/* Keeps the lines whose second word is an event of the service: `@... KIND NAME ...`. */
static void keep_only(stralloc *sa, size_t base, char const *name)
{
  size_t to = base;
  size_t len = strlen(name);

  for (size_t at = base; at < sa->len;)
  {
    char const *end = memchr(sa->s + at, '\n', sa->len - at);
    size_t n = end ? (size_t)(end - (sa->s + at)) + 1 : sa->len - at;
    char const *kind = n > TIMESTAMP + 1 ? sa->s + at + TIMESTAMP + 1 : 0;
    char const *word = kind ? memchr(kind, ' ', n - TIMESTAMP - 1) : 0;
    if (word && (size_t)(sa->s + at + n - word) > len + 1 && !memcmp(word + 1, name, len) &&
        word[1 + len] == ' ')
    {
      memmove(sa->s + to, sa->s + at, n);
      to += n;
    }
    at += n;
  }
  sa->len = to;
}

static int add_journal(stralloc *sa, bundle const *b, char const *suffix)
{
  stralloc file = STRALLOC_ZERO;
  int result = journal_path(&file, b, suffix) < 0              ? -1
               : openslurpclose(sa, file.s) || errno == ENOENT ? 0
                                                               : -1;

  stralloc_free(&file);
  return result;
}

/* The monitor logs transitions alone, so that its log is their history. */
static int add_overload(stralloc *sa, bundle const *b)
{
  stralloc dir = STRALLOC_ZERO;
  int result = -1;

  if (service_append(&dir, "%s/monitor", b->log) >= 0 && stralloc_0(&dir))
    result = logs_tail(sa, dir.s, 1000000, 0) < 0 && errno != ENOENT && errno != EACCES ? -1 : 0;
  stralloc_free(&dir);
  return result;
}

static int by_stamp(void const *a, void const *b)
{
  return strncmp(*(char const *const *)a, *(char const *const *)b, TIMESTAMP);
}

/* Sorts the lines of sa by their stamps. */
static int sort_lines(stralloc *sa)
{
  genalloc lines = GENALLOC_ZERO;
  stralloc sorted = STRALLOC_ZERO;
  int result = -1;

  if (!stralloc_0(sa)) return -1;
  for (char *s = sa->s, *next; (next = strchr(s, '\n')); s = next + 1)
    if (!genalloc_append(char *, &lines, &s)) goto end;
  qsort(genalloc_s(char *, &lines), genalloc_len(char *, &lines), sizeof(char *), &by_stamp);
  for (size_t i = 0; i < genalloc_len(char *, &lines); i++)
  {
    char const *s = genalloc_s(char *, &lines)[i];
    if (!stralloc_catb(&sorted, s, strcspn(s, "\n") + 1)) goto end;
  }
  sa->len = 0;
  result = stralloc_copy(sa, &sorted) ? 0 : -1;
end:
  genalloc_free(char *, &lines);
  stralloc_free(&sorted);
  return result;
}

static int gather(stralloc *sa, bundle const *b, char const *name)
{
  if (add_journal(sa, b, ".old") < 0 || add_journal(sa, b, "") < 0) return -1;
  if (name) keep_only(sa, 0, name);
  if ((!name || !strcmp(name, "monitor")) && add_overload(sa, b) < 0) return -1;
  return sort_lines(sa);
}

int history_tail(stralloc *sa, bundle const *b, char const *name, size_t n)
{
  stralloc lines = STRALLOC_ZERO;
  size_t at;
  int result = -1;

  if (gather(&lines, b, name) < 0) goto end;
  for (at = lines.len; at && n; n--)
    for (at--; at && lines.s[at - 1] != '\n';) at--;
  result = stralloc_catb(sa, lines.s + at, lines.len - at) ? 0 : -1;
end:
  stralloc_free(&lines);
  return result;
}

int command_history(context const *cx, int argc, char const *const *argv)
{
  stored s = STORED_ZERO;
  stralloc lines = STRALLOC_ZERO;
  stralloc text = STRALLOC_ZERO;
  int status = argc > 2 ? usage_error(argv[0], "one NAME at the most") : stored_load(&s, cx);

  if (!status &&
      (gather(&lines, &s.b, argc > 1 ? argv[1] : 0) < 0 || logs_human(&text, lines.s, lines.len, "") < 0))
  {
    say_cannot("read ", s.b.state, "/journal");
    status = EXIT_SYSTEM;
  }
  else if (!status)
    allwrite(1, text.s, text.len);
  stralloc_free(&lines);
  stralloc_free(&text);
  stored_free(&s);
  return status;
}

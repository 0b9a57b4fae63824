#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/tai.h>

#include <runlib/field.h>
#include <runlib/journal.h>
#include <runlib/tail.h>
#include <runlib/walk.h>

#include <ctl/live/history.h>
#include <ctl/live/logs.h>
#include <ctl/say.h>
#include <ctl/words.h>

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
  char line[JOURNAL_LINE / 2];
  char by[64] = "";
  char const *sudo = getuid() ? 0 : getenv("SUDO_USER");
  int ok = journal_path(&file, b, "") >= 0;

  for (int i = 0; ok && i < argc; i++) ok = service_append(&words, "%s%s", i ? " " : "", argv[i]) >= 0;
  if (ok) field_clean(line, sizeof line - 1, words.s, words.len);
  if (ok && sudo && *sudo)
  {
    memcpy(by, " by ", 4);
    field_clean(by + 4, sizeof by - 5, sudo, strlen(sudo));
  }
  if (ok && journal_add(file.s, "command %s uid %d%s", line, (int)getuid(), by) < 0)
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

static int is_kind(char const *line, size_t n, char const *kind)
{
  size_t len = strlen(kind);
  return n > len && !memcmp(line, kind, len) && line[len] == ' ';
}

/* Whether the line, without its stamp, is about the service: `KIND NAME ...`, or `command VERB ... NAME ... uid N`. */
static int is_about(char const *line, size_t n, char const *name)
{
  char const *at = memchr(line, ' ', n);
  size_t len = strlen(name);

  if (at && is_kind(line, n, "command")) at = memchr(at + 1, ' ', (size_t)(line + n - at - 1));
  for (; at; at = memchr(at + 1, ' ', (size_t)(line + n - at - 1)))
  {
    if ((size_t)(line + n - at) > len + 1 && !memcmp(at + 1, name, len) && at[1 + len] == ' ') return 1;
    if (!is_kind(line, n, "command")) return 0;
  }
  return 0;
}

/* Keeps the lines about the service; with a kind, only these. */
static void keep_only(stralloc *sa, size_t base, char const *kind, char const *name)
{
  size_t to = base;

  for (size_t at = base; at < sa->len;)
  {
    char const *end = memchr(sa->s + at, '\n', sa->len - at);
    size_t n = end ? (size_t)(end - (sa->s + at)) + 1 : sa->len - at;
    char const *line = sa->s + at + TIMESTAMP + 1;
    if (n > TIMESTAMP + 1 && is_about(line, n - TIMESTAMP - 1, name) &&
        (!kind || is_kind(line, n - TIMESTAMP - 1, kind)))
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
  int fd = journal_path(&file, b, suffix) < 0 ? -1 : walk_open(AT_FDCWD, file.s, O_RDONLY, 0);
  int result = fd < 0 ? (file.len && errno == ENOENT ? 0 : -1) : tail_read(sa, fd, 2 * JOURNAL_SIZE, 0);

  if (fd >= 0) fd_close(fd);
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
  if (name) keep_only(sa, 0, 0, name);
  if ((!name || !strcmp(name, "monitor")) && add_overload(sa, b) < 0) return -1;
  return sort_lines(sa);
}

static size_t last_lines(stralloc const *sa, size_t n)
{
  size_t at = sa->len;

  for (; at && n; n--)
    for (at--; at && sa->s[at - 1] != '\n';) at--;
  return at;
}

int history_tail(stralloc *sa, bundle const *b, char const *name, size_t n)
{
  stralloc lines = STRALLOC_ZERO;
  int result = -1;

  if (gather(&lines, b, name) >= 0)
  {
    size_t at = last_lines(&lines, n);
    result = stralloc_catb(sa, lines.s + at, lines.len - at) ? 0 : -1;
  }
  stralloc_free(&lines);
  return result;
}

/* `@... death NAME exit CODE lived MS`, or `signal NUMBER`; what is damaged is passed over. */
static int put_death(stralloc *sa, char const *line, size_t name)
{
  char when[WORDS_MAX], how[WORDS_MAX], lived[WORDS_MAX];
  char stamp[TIMESTAMP + 1];
  char const *end = line + TIMESTAMP + sizeof " death " - 1 + name;
  unsigned int code;
  unsigned long long ms;
  tain t;

  memcpy(stamp, line, TIMESTAMP);
  stamp[TIMESTAMP] = 0;
  if (timestamp_scan(stamp, &t) != TIMESTAMP) return 0;
  if (sscanf(end, " exit %u lived %llu", &code, &ms) == 2 && code < 256)
    words_exit(how, (int)(code << 8));
  else if (sscanf(end, " signal %u lived %llu", &code, &ms) == 2 && code && code < 127)
    words_exit(how, (int)code);
  else
    return 0;
  return service_append(sa, "%s %s after %s\n", words_time(when, &t), how, words_span(lived, ms));
}

int history_deaths(stralloc *sa, bundle const *b, char const *name, size_t n)
{
  stralloc lines = STRALLOC_ZERO;
  int result = -1;

  if (add_journal(&lines, b, ".old") < 0 || add_journal(&lines, b, "") < 0) goto end;
  keep_only(&lines, 0, "death", name);
  result = 0;
  if (!lines.len) goto end;
  lines.s[lines.len - 1] = 0;
  for (char *s = lines.s + last_lines(&lines, n); s < lines.s + lines.len && !result; s += strlen(s) + 1)
  {
    s[strcspn(s, "\n")] = 0;
    result = put_death(sa, s, strlen(name));
  }
end:
  stralloc_free(&lines);
  return result;
}

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include <runlib/field.h>

#include <services/spool/manage.h>
#include <services/spool/notes.h>

/* A stranger's bytes reach no terminal as a command. */
static char const *clean(char s[256], char const *text)
{
  field_clean(s, 255, text, strlen(text));
  return s;
}

static void print_age(uint64_t age)
{
  if (age < 120)
    printf("%6us ", (unsigned int)age);
  else if (age < 7200)
    printf("%6um ", (unsigned int)(age / 60));
  else if (age < 172800)
    printf("%6uh ", (unsigned int)(age / 3600));
  else
    printf("%6ud ", (unsigned int)(age / 86400));
}

/* The end of a name, that it can be called by. */
static char const *short_name(char const *name)
{
  char const *r = strrchr(name, 'R');

  return r && strlen(r) == 17 ? r + 1 : name;
}

int manage_line(manager *m, entry *e, void *data)
{
  unsigned int waiting = 0;
  char text[256];
  size_t pos = 0;
  recipient r, first = {.address = ""};

  (void)m;
  (void)data;
  while (envelope_next(e->m->envelope.s, e->m->envelope.len, &pos, &r))
    if (recipient_waits(e->m->envelope.s[r.mark]) && !waiting++) first = r;
  printf("%-16s %-7s", short_name(e->name), place_states[e->place]);
  print_age(e->age);
  printf("%9llu  <%s>", (unsigned long long)e->m->len, clean(text, envelope_sender(e->m->envelope.s)));
  printf(" <%s>", clean(text, first.address));
  if (waiting > 1) printf(" and %u more", waiting - 1);
  printf("\n");
  return 0;
}

static char const *state_of(char mark)
{
  return mark == ENVELOPE_DONE     ? "done"
         : mark == ENVELOPE_FAILED ? "failed"
         : mark == ENVELOPE_REMOTE ? "remote"
                                   : "local";
}

int manage_json(manager *m, entry *e, void *data)
{
  json_t *to = json_array(), *o;
  size_t pos = 0;
  recipient r;

  (void)m;
  while (envelope_next(e->m->envelope.s, e->m->envelope.len, &pos, &r))
  {
    char text[256];
    if (json_array_append_new(to, json_pack("{s:s, s:s}", "address", clean(text, r.address), "state",
                                            state_of(e->m->envelope.s[r.mark]))) < 0)
      return (errno = ENOMEM, -1);
  }
  {
    char text[256];
    o = json_pack("{s:s, s:s, s:I, s:I, s:s, s:o}", "id", e->name, "state", place_states[e->place], "age",
                  (json_int_t)e->age, "bytes", (json_int_t)e->m->len, "sender",
                  clean(text, envelope_sender(e->m->envelope.s)), "recipients", to);
  }
  return o && json_array_append_new(data, o) == 0 ? 0 : (errno = ENOMEM, -1);
}

#define HEADER_SHOWN 65536U

static void print_lines(char const *before, char const *s, size_t len)
{
  while (len)
  {
    char const *eol = memchr(s, '\n', len);
    size_t n = eol ? (size_t)(eol - s) : len;
    char text[1024];
    field_clean(text, sizeof text - 1, s, n && s[n - 1] == '\r' ? n - 1 : n);
    printf("%s%s\n", before, text);
    n += !!eol;
    s += n;
    len -= n;
  }
}

/* The notes, with their times as people have them. */
static void print_notes(char const *s)
{
  while (*s)
  {
    size_t n = strcspn(s, "\n");
    time_t t = (time_t)strtoull(s, 0, 10);
    size_t digits = strspn(s, "0123456789");
    struct tm tm;
    char when[32] = "?";
    if (localtime_r(&t, &tm)) strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &tm);
    printf("%s", when);
    print_lines("", s + digits, n - digits);
    s += n + (s[n] == '\n');
  }
}

int manage_show(manager *m, entry *e, void *data)
{
  static char header[HEADER_SHOWN];
  stralloc notes = STRALLOC_ZERO;
  size_t pos = 0, want = e->m->len < sizeof header ? (size_t)e->m->len : sizeof header;
  ssize_t n = pread(e->m->fd, header, want, 0);
  char const *end = n > 0 ? memmem(header, (size_t)n, "\n\n", 2) : 0;
  char text[256];
  recipient r;

  (void)data;
  printf("%s: %s, %llu bytes\nfrom <%s>\n", e->name, place_states[e->place], (unsigned long long)e->m->len,
         clean(text, envelope_sender(e->m->envelope.s)));
  while (envelope_next(e->m->envelope.s, e->m->envelope.len, &pos, &r))
    printf("to   <%s>: %s\n", clean(text, r.address), state_of(e->m->envelope.s[r.mark]));
  if (m->notes >= 0 && notes_read(m->notes, e->name, &notes) == 0 && notes.len > 1)
  {
    printf("\n");
    print_notes(notes.s);
  }
  printf("\n");
  if (n > 0) print_lines("| ", header, end ? (size_t)(end - header) + 1 : (size_t)n);
  stralloc_free(&notes);
  return n < 0 ? -1 : 0;
}

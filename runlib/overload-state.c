#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/field.h>
#include <runlib/walk.h>

#include "overload-place.h"
#include "overload-state.h"

static char const *const modes[] = {"auto", "on", "off", "hand"};

char const *state_mode_name(state_mode m)
{
  return modes[m];
}

typedef struct text_s text;
struct text_s
{
  char *s;
  size_t n;
};

static void __attribute__((format(printf, 2, 3))) put(text *t, char const *format, ...)
{
  va_list args;
  int n;

  va_start(args, format);
  n = vsnprintf(t->s + t->n, STATE_TEXT - t->n, format, args);
  va_end(args);
  if (n > 0) t->n += (size_t)n;
  if (t->n >= STATE_TEXT) t->n = STATE_TEXT - 1;
}

static void put_raised(text *t, monitor_state const *m)
{
  for (unsigned int i = 0; i < LEVELS; i++)
    for (gauge_number g = 0; g < GAUGES; g++)
      if (m->raised[i] >> g & 1) put(t, "raised %u %s\n", i + 1, gauges[g].name);
}

static void put_rules(text *t, rules const *r)
{
  for (unsigned int i = 0; i < LEVELS; i++)
    for (gauge_number g = 0; g < GAUGES; g++)
    {
      threshold const *h = &r->at[i][g];
      if (h->used)
        put(t, "threshold %s %u %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", gauges[g].name, i + 1,
            h->enter, h->leave, h->up, h->down);
    }
}

static void put_sample(text *t, sample const *x)
{
  for (gauge_number g = 0; g < GAUGES; g++)
  {
    if (x->of[g].state == READING_KNOWN)
      put(t, "reading %s %" PRIu64 "%s\n", gauges[g].name, x->of[g].value, x->of[g].more ? " more" : "");
    else if (x->of[g].state == READING_UNKNOWN)
      put(t, "reading %s unknown\n", gauges[g].name);
  }
}

void state_text(char *s, monitor_state const *m)
{
  text t = {.s = s, .n = 0};

  put(&t, "time %" PRIu64 "\nlifetime %" PRIu64 "\nlevel %u\nsince %" PRIu64 "\nmode %s\n", m->time,
      m->lifetime, m->level, m->since, modes[m->mode]);
  put(&t, "until %" PRIu64 "\nreason %s\nmeasured %u\nhooked %u\n", m->until, m->reason, m->measured,
      m->hooked);
  put_raised(&t, m);
  put_sample(&t, &m->x);
  put_rules(&t, &m->r);
  memset(s + t.n, '\n', STATE_TEXT - t.n);
}

/* --- reading --- */

/* The next word of a field's value, taken off its front. */
static field take(field *f)
{
  char const *blank = memchr(f->value, ' ', f->value_len);
  size_t n = blank ? (size_t)(blank - f->value) : f->value_len;
  field word = {.name = f->name, .name_len = f->name_len, .value = f->value, .value_len = n};

  f->value += n + (blank != 0);
  f->value_len -= n + (blank != 0);
  return word;
}

static unsigned int level_of(field const *f)
{
  uint64_t n = field_number(f);
  return n > LEVELS ? LEVELS : (unsigned int)n;
}

static void parse_raised(monitor_state *m, field f)
{
  field level = take(&f);
  gauge_number g = gauge_find(f.value, f.value_len);
  unsigned int i = level_of(&level);

  if (i && g < GAUGES) m->raised[i - 1] |= 1u << g;
}

static void parse_reading(monitor_state *m, field f)
{
  field name = take(&f);
  gauge_number g = gauge_find(name.value, name.value_len);
  reading *r;

  if (g >= GAUGES) return;
  r = &m->x.of[g];
  r->state = field_says(&f, "unknown") ? READING_UNKNOWN : READING_KNOWN;
  r->value = field_number(&f);
  take(&f);
  r->more = (unsigned char)field_says(&f, "more");
}

static void parse_threshold(monitor_state *m, field f)
{
  field name = take(&f);
  field level = take(&f);
  gauge_number g = gauge_find(name.value, name.value_len);
  unsigned int i = level_of(&level);
  uint64_t n[4];

  if (g >= GAUGES || !i) return;
  for (unsigned int j = 0; j < 4; j++)
  {
    field word = take(&f);
    n[j] = field_number(&word);
  }
  m->r.at[i - 1][g] = (threshold){.used = 1, .enter = n[0], .leave = n[1], .up = n[2], .down = n[3]};
}

static void parse_mode(monitor_state *m, field const *f)
{
  for (unsigned int i = 0; i < sizeof modes / sizeof modes[0]; i++)
    if (field_says(f, modes[i])) m->mode = (state_mode)i;
}

static int parse_number(monitor_state *m, field const *f)
{
  struct
  {
    char const *name;
    uint64_t *to;
  } const numbers[] = {
      {"time", &m->time}, {"lifetime", &m->lifetime}, {"since", &m->since}, {"until", &m->until}};
  struct
  {
    char const *name;
    unsigned int *to;
  } const levels[] = {{"level", &m->level}, {"measured", &m->measured}, {"hooked", &m->hooked}};

  for (unsigned int i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
    if (field_is(f, numbers[i].name)) return (*numbers[i].to = field_number(f), 1);
  for (unsigned int i = 0; i < sizeof levels / sizeof levels[0]; i++)
    if (field_is(f, levels[i].name)) return (*levels[i].to = level_of(f), 1);
  return 0;
}

void state_parse(monitor_state *m, char const *bytes, size_t len)
{
  field f;

  memset(m, 0, sizeof *m);
  while (field_next(&f, &bytes, &len))
  {
    if (parse_number(m, &f)) continue;
    if (field_is(&f, "mode"))
      parse_mode(m, &f);
    else if (field_is(&f, "reason"))
      field_copy(&f, m->reason, OVERLOAD_REASON);
    else if (field_is(&f, "raised"))
      parse_raised(m, f);
    else if (field_is(&f, "reading"))
      parse_reading(m, f);
    else if (field_is(&f, "threshold"))
      parse_threshold(m, f);
  }
}

int state_read(monitor_state *m, char const *directory)
{
  char path[PLACE_PATH];
  char buf[STATE_TEXT];
  ssize_t n;

  memset(m, 0, sizeof *m);
  if (place_path(path, directory, "state") < 0) return -1;
  n = walk_read(AT_FDCWD, path, buf, sizeof buf);
  if (n < 0) return -1;
  state_parse(m, buf, (size_t)n);
  return 0;
}

int state_write(monitor_state const *m, char const *directory)
{
  char path[PLACE_PATH];
  char buf[STATE_TEXT];
  int fd;
  int ok;

  if (place_path(path, directory, "state") < 0) return -1;
  state_text(buf, m);
  fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
  if (fd < 0) return -1;
  errno = ENOSPC;
  ok = pwrite(fd, buf, sizeof buf, 0) == (ssize_t)sizeof buf;
  fd_close(fd);
  return ok ? 0 : -1;
}

int state_fresh(monitor_state const *m, uint64_t now)
{
  return (now > m->time ? now - m->time : m->time - now) <= m->lifetime;
}

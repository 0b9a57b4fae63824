#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <runlib/field.h>

#include <ctl/context.h>
#include <ctl/status/snapshot-internal.h>

/* --- data ---------------------------------------------------------------------------------------- */

void status_value_count(status_value *d, uint64_t n)
{
  d->known = KNOWN;
  d->n = n;
}

void status_value_real(status_value *d, double x)
{
  d->known = KNOWN;
  d->real = x;
}

void status_value_time(status_value *d, tain const *t)
{
  d->known = KNOWN;
  d->time = *t;
}

void status_value_epoch(status_value *d, uint64_t seconds)
{
  d->known = seconds ? KNOWN : NONE;
  if (seconds && !tain_from_timespec_sysclock(&d->time, &(struct timespec){.tv_sec = (time_t)seconds}))
    d->known = UNKNOWN;
}

void status_value_text(status_value *d, char const *text)
{
  d->known = KNOWN;
  d->text = text;
}

void status_value_none(status_value *d)
{
  d->known = NONE;
}

char const *snapshot_keep(snapshot *s, char const *text, size_t len)
{
  char *copy = malloc(len + 1);

  if (!copy) return 0;
  field_clean(copy, len, text, len);
  if (genalloc_append(char *, &s->texts, &copy)) return copy;
  free(copy);
  return 0;
}

int snapshot_words(status_value *d, snapshot *s, char const *text)
{
  char const *copy = snapshot_keep(s, text, strlen(text));

  if (!copy) return -1;
  status_value_text(d, copy);
  return 0;
}

char const *snapshot_path(char path[SNAPSHOT_PATH], char const *dir, char const *file)
{
  size_t len = strlen(dir);

  if (len + strlen(file) + 2 > SNAPSHOT_PATH) return "";
  memcpy(path, dir, len);
  path[len] = '/';
  strcpy(path + len + 1, file);
  return path;
}

/* --- the whole ----------------------------------------------------------------------------------- */

static void take_health(snapshot *s)
{
  int status = snapshot_health(s, 0, 0);
  status_value_text(&s->health, !status ? "well" : status == EXIT_NO ? "degraded" : "not running");
}

int snapshot_take(snapshot *s, stored const *st, snapshot const *before)
{
  if (!tain_wallclock_read(&s->now)) s->now = tain_zero;
  status_value_time(&s->time, &s->now);
  if (st->g.number)
    status_value_count(&s->generation, st->g.number);
  else
    status_value_none(&s->generation);
  if (snapshot_take_services(s, st, before) < 0 || snapshot_take_jobs(s, st) < 0 ||
      snapshot_take_queue(s, st) < 0 || snapshot_take_daemons(s, st) < 0 ||
      snapshot_take_milters(s, st) < 0 || snapshot_take_rater(s, st, before) < 0 ||
      snapshot_take_logs(s, st) < 0)
    return -1;
  take_health(s);
  return 0;
}

void snapshot_free(snapshot *s)
{
  for (size_t i = 0; i < genalloc_len(char *, &s->texts); i++) free(genalloc_s(char *, &s->texts)[i]);
  genalloc_free(char *, &s->texts);
  genalloc_free(service_fields, &s->services);
  *s = (snapshot)SNAPSHOT_ZERO;
}

service_fields const *snapshot_find(snapshot const *s, char const *name)
{
  service_fields const *f = snapshot_services(s);

  for (size_t n = snapshot_count(s); n; n--, f++)
    if (!strcmp(f->id, name)) return f;
  return 0;
}

char const *snapshot_warning_of(char s[WARNING_OF], warning_fields const *w)
{
  size_t n = strlen(w->service);

  *s = 0;
  if (strncmp(w->text, w->service, n) || w->text[n] != ':') snprintf(s, WARNING_OF, "%s: ", w->service);
  return s;
}

static int is_named(char const *name, int argc, char const *const *names)
{
  for (int i = 0; i < argc; i++)
    if (!strcmp(names[i], name)) return 1;
  return 0;
}

static int is_well(service_fields const *f)
{
  if (f->left || f->orphan.known == KNOWN || f->log_is == STATE_LOST) return 0;
  return f->is == STATE_READY || f->is == STATE_UP;
}

/* Clients that verify refuse a certificate whose days are over. */
static int has_expired(snapshot const *s)
{
  return s->tls.days_left.known == KNOWN && !s->tls.days_left.n;
}

int snapshot_health(snapshot const *s, int argc, char const *const *names)
{
  service_fields const *f = snapshot_services(s);
  int well = !s->alone && !s->moved;

  if (!s->running) return EXIT_NONE;
  for (size_t n = snapshot_count(s); n; n--, f++)
    if (argc ? is_named(f->id, argc, names) : f->wanted_now || f->orphan.known == KNOWN) well &= is_well(f);
  if (!argc &&
      (s->overload.level.known == UNKNOWN || (s->overload.level.known == KNOWN && s->overload.level.n)))
    well = 0;
  if (!argc && s->queue.failed.known == KNOWN && s->queue.failed.n) well = 0;
  if ((!argc || is_named("tls", argc, names)) && has_expired(s)) well = 0;
  return well ? 0 : EXIT_NO;
}

char const *snapshot_human(char words[FIELD_WORDS], snapshot const *s, status_value const *d)
{
  status_field const *f = status_field_at(FIELD_BUNDLE, (size_t)((char const *)d - (char const *)s));

  return f ? status_field_human(words, f, d, &s->now) : "unknown";
}

#include <stdio.h>
#include <string.h>

#include <skalibs/djbunix.h>

#include <ctl/live/history.h>
#include <ctl/live/logs.h>
#include <ctl/live/servicedir.h>
#include <ctl/status/show.h>

#define DEATHS    5
#define EVENTS    8
#define LOG_LINES 8

/* Everything about one service: its facts, its files, how it died, what else happened to it, its last words. */

static int put_fields(stralloc *sa, show const *w, service_fields const *f)
{
  for (size_t i = 0; i < status_fields_count; i++)
  {
    status_value const *d = status_field_value(status_fields + i, f);
    char words[FIELD_WORDS];
    if (status_fields[i].scope != FIELD_SERVICE || d->known == NONE) continue;
    if (service_append(sa, "  %-12s %s", status_fields[i].name,
                       status_field_human(words, status_fields + i, d, &w->s->now)) < 0)
      return -1;
    if (status_fields[i].type == FIELD_TIME && d->known == KNOWN &&
        service_append(sa, " (%s)", status_field_time(words, &d->time)) < 0)
      return -1;
    if (service_append(sa, "\n") < 0) return -1;
  }
  return 0;
}

static int put_programs(stralloc *sa, char const *dir)
{
  stralloc path = STRALLOC_ZERO;
  stralloc bytes = STRALLOC_ZERO;
  int result = -1;

  if (service_append(&path, "%s/programs", dir) < 0 || !stralloc_0(&path)) goto end;
  result = 0;
  if (!openslurpclose(&bytes, path.s) || !stralloc_0(&bytes)) goto end;
  for (char *s = bytes.s, *next; (next = strchr(s, '\n')) && !result; s = next + 1)
    result = service_append(sa, "  %-12s %.*s\n", "program", (int)(next - s), s);
end:
  stralloc_free(&path);
  stralloc_free(&bytes);
  return result;
}

int show_files(stralloc *sa, stored const *st, char const *name)
{
  bundle const *b = &st->b;
  stralloc dir = STRALLOC_ZERO;
  int result = -1;

  if (servicedir_path(&dir, b->run, name, "") >= 0 &&
      service_append(sa, "  %-12s %s\n  %-12s %s/current/%s\n  %-12s %s/%s/current\n  %-12s %s\n", "runs in",
                     dir.s, "written in", b->state, name, "log", b->log, name, "configured", b->file) >= 0)
    result = put_programs(sa, dir.s);
  stralloc_free(&dir);
  return result;
}

/* Lines of the journal or of a log; what cannot be read says so. */
static int put_lines(stralloc *sa, char const *title, int r, stralloc const *lines)
{
  if (service_append(sa, "\n%s\n", title) < 0) return -1;
  if (r < 0) return service_append(sa, "  unknown\n");
  return lines->len ? logs_human(sa, lines->s, lines->len, "  ") : service_append(sa, "  none\n");
}

static int put_history(stralloc *sa, show const *w, char const *name)
{
  stralloc lines = STRALLOC_ZERO;
  int r = history_tail(&lines, &w->st->b, name, EVENTS);
  int result = put_lines(sa, "last events", r, &lines);

  stralloc_free(&lines);
  return result;
}

int show_deaths(stralloc *sa, stored const *st, char const *name)
{
  stralloc lines = STRALLOC_ZERO;
  int result = 0;

  if (history_deaths(&lines, &st->b, name, DEATHS) < 0)
    result = service_append(sa, "  unknown\n");
  else if (!lines.len)
    result = service_append(sa, "  none\n");
  for (char const *s = lines.s, *end = s + lines.len; s < end && !result; s += strcspn(s, "\n") + 1)
    result = service_append(sa, "  %.*s\n", (int)strcspn(s, "\n"), s);
  stralloc_free(&lines);
  return result;
}

static int put_log(stralloc *sa, show const *w, char const *name)
{
  stralloc lines = STRALLOC_ZERO;
  stralloc dir = STRALLOC_ZERO;
  int result = -1;

  if (service_append(&dir, "%s/%s", w->st->b.log, name) >= 0 && stralloc_0(&dir))
    result = put_lines(sa, "last log lines", logs_tail(&lines, dir.s, LOG_LINES, 0), &lines);
  stralloc_free(&lines);
  stralloc_free(&dir);
  return result;
}

static int put_milters(stralloc *sa, snapshot const *s, char const *name)
{
  unsigned int i = 0;

  while (i < s->nmilters && strcmp(s->milters[i].service, name)) i++;
  if (i == s->nmilters) return 0;
  return service_append(sa, "\nmilters\n") < 0 ? -1 : show_milters(sa, s, "  ", name);
}

int show_detail(stralloc *sa, show const *w)
{
  service_fields const *f = snapshot_find(w->s, w->names[0]);

  if (!f) return 0;
  return put_fields(sa, w, f) < 0 || service_append(sa, "\nfiles\n") < 0 ||
                 show_files(sa, w->st, f->id) < 0 || service_append(sa, "\nlast deaths\n") < 0 ||
                 show_deaths(sa, w->st, f->id) < 0 || put_milters(sa, w->s, f->id) < 0 ||
                 put_history(sa, w, f->id) < 0 || put_log(sa, w, f->id) < 0
             ? -1
             : 0;
}

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include <ctl/status/show.h>

/*
 * https://prometheus.io/docs/specs/om/open_metrics_spec/: a family's samples together, HELP and TYPE before
 * them, counters ending in _total, seconds and bytes as units, # EOF at the end. Of its types only gauge and
 * counter, which the older format has too. What is unknown has no sample.
 */

void show_metric_name(char s[SHOW_METRIC], status_field const *f)
{
  static char const *const units[] = {[FIELD_PERCENT] = "_ratio",
                                      [FIELD_BYTES] = "_bytes",
                                      [FIELD_SECONDS] = "_seconds",
                                      [FIELD_TIME] = "_timestamp_seconds",
                                      [FIELD_YES] = ""};
  char const *unit = f->type < sizeof units / sizeof units[0] && units[f->type] ? units[f->type] : "";
  size_t n = strlen(f->scope == FIELD_SERVICE ? "mailctl_service_" : "mailctl_");

  memcpy(s, "mailctl_service_", n);
  for (char const *x = f->name; *x && n < SHOW_METRIC - 32; x++) s[n++] = *x == '.' ? '_' : *x;
  strcpy(s + n, unit);
}

static int put_label(stralloc *sa, char const *name, char const *text, int first)
{
  if (service_append(sa, "%s%s=\"", first ? "{" : ",", name) < 0) return -1;
  for (; *text; text++)
    if (((*text == '"' || *text == '\\') && !stralloc_catb(sa, "\\", 1)) || !stralloc_catb(sa, text, 1))
      return -1;
  return stralloc_catb(sa, "\"", 1) ? 0 : -1;
}

static int put_value(stralloc *sa, status_field const *f, status_value const *d)
{
  struct timespec ts;

  switch (f->type)
  {
    case FIELD_TEXT: return service_append(sa, " 1\n");
    case FIELD_REAL: return service_append(sa, " %.6g\n", d->real);
    case FIELD_PERCENT: return service_append(sa, " %.6g\n", d->real / 100);
    case FIELD_TIME:
      if (!timespec_sysclock_from_tain(&ts, &d->time)) ts = (struct timespec){.tv_sec = 0};
      return service_append(sa, " %" PRId64 ".%03ld\n", (int64_t)ts.tv_sec, ts.tv_nsec / 1000000);
    default: return service_append(sa, " %" PRIu64 "\n", d->n);
  }
}

static int put_sample(stralloc *sa, char const *name, status_field const *f, status_value const *d,
                      char const *of)
{
  char const *dot = strrchr(f->name, '.');
  int labels = of || f->metric == METRIC_WORD;

  if (d->known != KNOWN) return 0;
  if (service_append(sa, "%s%s", name, f->metric == METRIC_COUNTER ? "_total" : "") < 0) return -1;
  if (of && put_label(sa, "service", of, 1) < 0) return -1;
  if (f->metric == METRIC_WORD && put_label(sa, dot ? dot + 1 : f->name, d->text, !of) < 0) return -1;
  if (labels && !stralloc_catb(sa, "}", 1)) return -1;
  return put_value(sa, f, d);
}

static int put_family(stralloc *sa, show const *w, status_field const *f)
{
  service_fields const *s = snapshot_services(w->s);
  char name[SHOW_METRIC];

  show_metric_name(name, f);
  if (service_append(sa, "# HELP %s %s\n# TYPE %s %s\n", name, f->help, name,
                     f->metric == METRIC_COUNTER ? "counter" : "gauge") < 0)
    return -1;
  if (f->scope == FIELD_BUNDLE) return put_sample(sa, name, f, status_field_value(f, w->s), 0);
  for (size_t n = snapshot_count(w->s); n; n--, s++)
    if (show_is_chosen(w, s->id) && put_sample(sa, name, f, status_field_value(f, s), s->id) < 0) return -1;
  return 0;
}

/* A family with a sample a milter; none where there are no milters. */
static int put_milters(stralloc *sa, snapshot const *s, char const *name, char const *help, size_t at, int ms)
{
  if (!s->nmilters) return 0;
  if (service_append(sa, "# HELP mailctl_milter_%s %s\n# TYPE mailctl_milter_%s %s\n", name, help, name,
                     ms ? "gauge" : "counter") < 0)
    return -1;
  for (unsigned int i = 0; i < s->nmilters; i++)
  {
    uint64_t n;
    memcpy(&n, (char const *)&s->milters[i].stats + at, sizeof n);
    if (service_append(sa, "mailctl_milter_%s%s", name, ms ? "" : "_total") < 0 ||
        put_label(sa, "service", s->milters[i].service, 1) < 0 ||
        put_label(sa, "milter", s->milters[i].address, 0) < 0 ||
        (ms ? service_append(sa, "} %.6g\n", (double)n / 1000) : service_append(sa, "} %" PRIu64 "\n", n)) <
            0)
      return -1;
  }
  return 0;
}

int show_metrics(stralloc *sa, show const *w)
{
  for (size_t i = 0; i < status_fields_count; i++)
    if (status_fields[i].metric != METRIC_NONE && put_family(sa, w, status_fields + i) < 0) return -1;
  if (put_milters(sa, w->s, "asked", "messages put to a milter", offsetof(milterstats_facts, asked), 0) < 0 ||
      put_milters(sa, w->s, "refused", "of these, refused, discarded or held by it",
                  offsetof(milterstats_facts, refused), 0) < 0 ||
      put_milters(sa, w->s, "failed", "of these, about which it gave no answer",
                  offsetof(milterstats_facts, failed), 0) < 0 ||
      put_milters(sa, w->s, "median_seconds", "how long half of the messages have waited for it, at most",
                  offsetof(milterstats_facts, median), 1) < 0 ||
      put_milters(sa, w->s, "worst_seconds", "the longest that one has", offsetof(milterstats_facts, worst),
                  1) < 0)
    return -1;
  return service_append(sa, "# EOF\n");
}

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <skalibs/djbunix.h>

#include <ctl/status/show.h>

/* The schema of the document is in mailctl-status(5). */

static json_t *number(uint64_t n)
{
  return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

static json_t *moment(tain const *t)
{
  char words[FIELD_WORDS];
  return json_string(status_field_time(words, t));
}

static json_t *seconds(tain const *t)
{
  struct timespec ts;
  return timespec_sysclock_from_tain(&ts, t) ? json_integer((json_int_t)ts.tv_sec) : json_null();
}

/* A log may hold any bytes; JSON holds UTF-8 alone. */
static json_t *words(char const *text)
{
  json_t *v = json_string(text);
  char *copy;

  if (v || !(copy = strdup(text))) return v;
  for (char *s = copy; *s; s++)
    if ((unsigned char)*s > 126) *s = '?';
  v = json_string(copy);
  free(copy);
  return v;
}

static json_t *one(status_field const *f, status_value const *d)
{
  if (d->known != KNOWN) return json_null();
  switch (f->type)
  {
    case FIELD_TEXT: return words(d->text);
    case FIELD_REAL:
    case FIELD_PERCENT: return json_real(d->real);
    case FIELD_TIME: return moment(&d->time);
    case FIELD_YES: return json_boolean(d->n);
    default: return number(d->n);
  }
}

/* What is unknown is null, as is what there is not; `unknown` has the names of the first. */
static int add_unknown(json_t *unknown, char const *of, char const *name)
{
  json_t *v = of ? json_sprintf("services.%s.%s", of, name) : json_string(name);
  return json_array_append_new(unknown, v);
}

static int put(json_t *to, char const *as, status_field const *f, status_value const *d)
{
  char name[64];

  if (json_object_set_new(to, as, one(f, d)) < 0) return -1;
  if (f->type != FIELD_TIME) return 0;
  if (strlen(as) + sizeof "_seconds" > sizeof name) return -1;
  strcpy(name, as);
  strcat(name, "_seconds");
  return json_object_set_new(to, name, d->known == KNOWN ? seconds(&d->time) : json_null());
}

static json_t *put_service(service_fields const *s, json_t *unknown)
{
  json_t *v = json_object();
  int bad = !v;

  for (size_t i = 0; i < status_fields_count && !bad; i++)
    if (status_fields[i].scope == FIELD_SERVICE)
    {
      status_value const *d = status_field_value(status_fields + i, s);
      bad = put(v, status_fields[i].name, status_fields + i, d) < 0 ||
            (d->known == UNKNOWN && add_unknown(unknown, s->id, status_fields[i].name) < 0);
    }
  if (!bad) return v;
  json_decref(v);
  return 0;
}

static int put_services(json_t *all, show const *w, json_t *unknown)
{
  service_fields const *s = snapshot_services(w->s);
  json_t *list = json_array();
  int bad = json_object_set_new(all, "services", list) < 0;

  for (size_t n = snapshot_count(w->s); n && !bad; n--, s++)
    if (show_is_chosen(w, s->id)) bad = json_array_append_new(list, put_service(s, unknown)) < 0;
  return bad ? -1 : 0;
}

/* `queue.backlog` goes into the object `queue`. */
static int put_bundle(json_t *all, show const *w, json_t *unknown)
{
  for (size_t i = 0; i < status_fields_count; i++)
  {
    status_field const *f = status_fields + i;
    char const *dot = strchr(f->name, '.');
    char group[64];
    json_t *to = all;
    if (f->scope != FIELD_BUNDLE) continue;
    if (dot)
    {
      memcpy(group, f->name, (size_t)(dot - f->name));
      group[dot - f->name] = 0;
      to = json_object_get(all, group);
      if (!to && json_object_set_new(all, group, to = json_object()) < 0) return -1;
    }
    if (put(to, dot ? dot + 1 : f->name, f, status_field_value(f, w->s)) < 0) return -1;
    if (status_field_value(f, w->s)->known == UNKNOWN && add_unknown(unknown, 0, f->name) < 0) return -1;
  }
  return 0;
}

/* A part that the bundle does not have is null: one without any number or word. */
static int drop_absent(json_t *all)
{
  static char const *const groups[] = {"imap", "outbound", "smtpd", "submission", "tls", "rater", "policy"};
  static char const *const first[] = {"sessions", "waiting", "connections", "connections",
                                      "sessions", "checks",  "questions"};
  json_t *unknown = json_object_get(all, "unknown");

  for (unsigned int i = 0; i < sizeof groups / sizeof groups[0]; i++)
  {
    char name[64];
    json_t *v;
    size_t k;
    int known_absent = json_is_null(json_object_get(json_object_get(all, groups[i]), first[i]));
    strcpy(name, groups[i]);
    strcat(name, ".");
    strcat(name, first[i]);
    json_array_foreach(unknown, k, v) if (!strcmp(json_string_value(v), name)) known_absent = 0;
    if (known_absent && json_object_set_new(all, groups[i], json_null()) < 0) return -1;
  }
  return 0;
}

static int put_offenders(json_t *all, snapshot const *s)
{
  json_t *rater = json_object_get(all, "rater");
  json_t *list = s->offenders_known ? json_array() : json_null();

  if (!json_is_object(rater)) return json_decref(list), 0;
  for (unsigned int i = 0; i < s->noffenders; i++)
  {
    offender_fields const *o = s->offenders + i;
    if (json_array_append_new(list, json_pack("{s:o,s:o,s:o,s:o}", "class", words(o->class), "value",
                                              words(o->value), "refusals", number(o->refusals), "seconds_ago",
                                              number(o->seconds_ago))) < 0)
      return json_decref(list), -1;
  }
  return json_object_set_new(rater, "offenders", list);
}

static int put_milters(json_t *all, snapshot const *s)
{
  json_t *list = json_array();

  for (unsigned int i = 0; i < s->nmilters; i++)
  {
    milter_facts const *f = s->milters + i;
    if (json_array_append_new(list, json_pack("{s:s,s:o,s:o,s:o,s:o,s:o,s:o}", "service", f->service,
                                              "address", words(f->address), "asked", number(f->stats.asked),
                                              "refused", number(f->stats.refused), "failed",
                                              number(f->stats.failed), "median_ms", number(f->stats.median),
                                              "worst_ms", number(f->stats.worst))) < 0)
      return json_decref(list), -1;
  }
  return json_object_set_new(all, "milters", list);
}

static int put_warnings(json_t *all, snapshot const *s)
{
  json_t *list = json_array();

  for (unsigned int i = 0; i < s->nwarnings; i++)
  {
    warning_fields const *x = s->warnings + i;
    if (json_array_append_new(list, json_pack("{s:o,s:o,s:s,s:o}", "time", moment(&x->time), "time_seconds",
                                              seconds(&x->time), "service", x->service, "text",
                                              words(x->text))) < 0)
      return json_decref(list), -1;
  }
  return json_object_set_new(all, "warnings", list);
}

static int put_notes(json_t *all, show const *w)
{
  json_t *list = json_array();
  stralloc lines = STRALLOC_ZERO;
  int result = json_object_set_new(all, "notes", list);

  if (!result && (show_notes(&lines, w->s, w->st) < 0 || !stralloc_0(&lines))) result = -1;
  for (char *s = lines.s, *end; !result && (end = strchr(s, '\n')); s = end + 1)
  {
    *end = 0;
    result = json_array_append_new(list, words(s));
  }
  stralloc_free(&lines);
  return result;
}

int show_json(stralloc *sa, show const *w)
{
  json_t *all = json_object();
  json_t *unknown = json_array();
  char *text = 0;
  int result = -1;

  if (json_object_set_new(all, "mailctl", json_string(VERSION)) < 0 ||
      json_object_set_new(all, "unknown", unknown) < 0 || put_bundle(all, w, unknown) < 0 ||
      drop_absent(all) < 0 || put_services(all, w, unknown) < 0 || put_offenders(all, w->s) < 0 ||
      put_milters(all, w->s) < 0 || put_notes(all, w) < 0 || put_warnings(all, w->s) < 0)
    goto end;
  text = json_dumps(all, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
  if (text && stralloc_cats(sa, text) && stralloc_catb(sa, "\n", 1)) result = 0;
end:
  free(text);
  json_decref(all);
  if (result < 0) errno = ENOMEM;
  return result;
}

#include <string.h>

#include <skalibs/stralloc.h>

#include <jansson.h>

#include <runlib/rater.h>

#include <ctl/status/snapshot-internal.h>

#define ANSWER_MAX 65536
#define PATIENCE   200 /* ms */

static void take(status_value *d, json_t const *stats, char const *name)
{
  json_t const *v = json_object_get(stats, name);

  if (json_is_integer(v) && json_integer_value(v) >= 0)
    status_value_count(d, (uint64_t)json_integer_value(v));
}

/* A second look gives the rate in between; the first one, that of raterd's last minute. */
static void take_rate(snapshot *s, json_t const *stats, snapshot const *before)
{
  json_t const *minute = json_object_get(stats, "checks_last_minute");
  tain span;
  double time = 0;

  if (before && before->rater.checks.known == KNOWN && s->rater.checks.known == KNOWN &&
      s->rater.checks.n >= before->rater.checks.n && tain_less(&before->now, &s->now))
  {
    tain_sub(&span, &s->now, &before->now);
    time = (double)span.sec.x + (double)span.nano / 1e9;
  }
  if (time > 0.1)
    status_value_real(&s->rater.checks_per_second,
                      (double)(s->rater.checks.n - before->rater.checks.n) / time);
  else if (json_is_integer(minute))
    status_value_real(&s->rater.checks_per_second, (double)json_integer_value(minute) / 60);
}

static uint64_t number_of(json_t const *v)
{
  return json_is_integer(v) && json_integer_value(v) > 0 ? (uint64_t)json_integer_value(v) : 0;
}

static int add_offender(snapshot *s, json_t const *v)
{
  json_t const *class = json_object_get(v, "class");
  json_t const *who = json_object_get(v, "value");
  offender_fields o = {.refusals = number_of(json_object_get(v, "refusals")),
                       .seconds_ago = number_of(json_object_get(v, "seconds_ago"))};
  unsigned int i = s->noffenders;

  if (!json_is_string(class) || !json_is_string(who)) return 0;
  while (i && s->offenders[i - 1].refusals < o.refusals) i--;
  if (i == OFFENDERS_SHOWN) return 0;
  o.class = snapshot_keep(s, json_string_value(class), json_string_length(class));
  o.value = snapshot_keep(s, json_string_value(who), json_string_length(who));
  if (!o.class || !o.value) return -1;
  if (s->noffenders < OFFENDERS_SHOWN) s->noffenders++;
  memmove(s->offenders + i + 1, s->offenders + i, (s->noffenders - 1 - i) * sizeof o);
  s->offenders[i] = o;
  return 0;
}

static int take_stats(snapshot *s, json_t *stats, snapshot const *before)
{
  json_t *top = json_object_get(stats, "top");
  json_t *v;
  size_t i;

  take(&s->rater.checks, stats, "checks");
  take(&s->rater.refused, stats, "refusals");
  take(&s->rater.keys, stats, "keys");
  take(&s->rater.room, stats, "room");
  take_rate(s, stats, before);
  s->offenders_known = json_is_array(top);
  json_array_foreach(top, i, v) if (add_offender(s, v) < 0) return -1;
  return 0;
}

static int ask(snapshot *s, char const *socket, snapshot const *before)
{
  static char answer[ANSWER_MAX];
  rater_connection c = RATER_CONNECTION(socket);
  long n = rater_exchange(&c, "!stats", 6, answer, sizeof answer, PATIENCE);
  json_t *stats = n > 2 && answer[0] == '0' ? json_loadb(answer + 2, (size_t)n - 2, 0, 0) : 0;
  int result = json_is_object(stats) ? take_stats(s, stats, before) : 0;

  json_decref(stats);
  rater_close(&c);
  return result;
}

int snapshot_take_rater(snapshot *s, stored const *st, snapshot const *before)
{
  service_fields const *sv = snapshot_find(s, "rater");
  stralloc socket = STRALLOC_ZERO;
  int result = -1;

  if (!sv || !bundle_section(&st->b, "rater"))
  {
    status_value *d = (status_value *)&s->rater;
    for (size_t n = sizeof s->rater / sizeof *d; n; n--) status_value_none(d++);
    return 0;
  }
  /* Without a daemon there is nobody to wait for. */
  if (sv->pid.known == NONE) return 0;
  if (service_append(&socket, "%s/rater.sock", st->b.run) >= 0 && stralloc_0(&socket))
    result = ask(s, socket.s, before);
  stralloc_free(&socket);
  return result;
}

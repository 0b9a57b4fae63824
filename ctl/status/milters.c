#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <ctl/status/show.h>
#include <ctl/status/snapshot-internal.h>

/* What sessions count of the milters that they ask: a file a service, by runlib/milterstats.h. */

static int milters_take(snapshot *s, stored const *st, char const *name, uint64_t now)
{
  section const *own = bundle_section(&st->b, name);
  static milterstats_facts counted[MILTERSTATS];
  stralloc path = STRALLOC_ZERO;
  value const *v;
  int n = -1;

  if (!own || !section_nth(own, "milter", 0)) return 0;
  if (service_append(&path, "%s/%s/milters", st->b.state, name) < 0 || !stralloc_0(&path)) goto end;
  n = milterstats_read(counted, path.s, now);
  /* A file that is not there yet has counted nothing. */
  if (n < 0 && errno != ENOENT)
    n = 0;
  else if (n < MILTERSTATS)
    memset(counted + (n < 0 ? 0 : n), 0, (size_t)(MILTERSTATS - (n < 0 ? 0 : n)) * sizeof *counted),
        n = MILTERSTATS;
  for (int i = 0; i < n && s->nmilters < MILTERS_SHOWN && (v = section_nth(own, "milter", (size_t)i)); i++)
  {
    milter_facts *f = s->milters + s->nmilters;
    f->service = name;
    f->address = snapshot_keep(s, v->text, strcspn(v->text, " \t"));
    f->stats = counted[i];
    if (!f->address) n = -1;
    s->nmilters += n >= 0;
  }
end:
  stralloc_free(&path);
  return n < 0 ? -1 : 0;
}

int snapshot_take_milters(snapshot *s, stored const *st)
{
  struct timespec ts;
  uint64_t now = timespec_sysclock_from_tain(&ts, &s->now) && ts.tv_sec > 0 ? (uint64_t)ts.tv_sec : 0;

  return milters_take(s, st, "smtpd", now) < 0 || milters_take(s, st, "submission", now) < 0 ? -1 : 0;
}

char const *milter_text(char text[MILTER_TEXT], milter_facts const *f)
{
  snprintf(text, MILTER_TEXT,
           "%s: %" PRIu64 " asked, %" PRIu64 " refused, %" PRIu64 " failed; median %" PRIu64
           " ms, worst %" PRIu64 " ms",
           f->address, f->stats.asked, f->stats.refused, f->stats.failed, f->stats.median, f->stats.worst);
  return text;
}

int show_milters(stralloc *sa, snapshot const *s, char const *before, char const *name)
{
  char text[MILTER_TEXT];

  for (unsigned int i = 0; i < s->nmilters; i++)
    if (!strcmp(s->milters[i].service, name) &&
        service_append(sa, "%s%s\n", before, milter_text(text, s->milters + i)) < 0)
      return -1;
  return 0;
}

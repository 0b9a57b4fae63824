#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <skalibs/stralloc.h>

#include <runlib/block.h>
#include <runlib/counters.h>
#include <runlib/field.h>
#include <runlib/walk.h>

#include <ctl/status/snapshot-internal.h>

/* What daemons count: the files of runlib/counters.h. */

typedef struct page_s page;
struct page_s
{
  counter_value values[COUNTERS_MAX];
  int n; /* less than 0: it cannot be read */
  int absent;
  uint64_t now; /* seconds */
};

static int read_page(page *p, char const *directory, char const *name, char const *file)
{
  stralloc path = STRALLOC_ZERO;
  int result = service_append(&path, "%s/%s/%s", directory, name, file) < 0 || !stralloc_0(&path) ? -1 : 0;

  if (!result)
  {
    p->n = counters_read(path.s, p->values);
    p->absent = p->n < 0 && errno == ENOENT;
  }
  stralloc_free(&path);
  return result;
}

static counter_value const *find(page const *p, char const *name, char const *suffix)
{
  size_t len = strlen(name);

  for (int i = 0; i < p->n; i++)
    if (!strncmp(p->values[i].name, name, len) && !strcmp(p->values[i].name + len, suffix))
      return p->values + i;
  return 0;
}

static void take(status_value *d, page const *p, char const *name)
{
  counter_value const *v = find(p, name, "");

  if (v) status_value_count(d, v->value);
}

/* A file that is not there yet has counted nothing. */
static void take_tally(tally_fields *t, page const *p, char const *name)
{
  counter_value const *even = find(p, name, ".0");
  counter_value const *odd = find(p, name, ".1");

  if (p->absent)
  {
    status_value_count(&t->total, 0);
    status_value_real(&t->minute, 0);
    return;
  }
  take(&t->total, p, name);
  if (even && odd) status_value_real(&t->minute, counter_rate_read(even->value, odd->value, p->now));
}

/* --- SMTP ---------------------------------------------------------------------------------------- */

static void none(status_value *first, size_t bytes)
{
  for (size_t n = bytes / sizeof *first; n; n--) status_value_none(first++);
}

static void add(status_value *sum, status_value const *d, int real)
{
  if (d->known != KNOWN)
    sum->known = UNKNOWN;
  else if (sum->known == KNOWN && real)
    sum->real += d->real;
  else if (sum->known == KNOWN)
    sum->n += d->n;
}

static void take_sessions(smtp_fields *f, page *p)
{
  static char const *const kinds[REFUSALS] = {"refused_connection", "refused_helo", "refused_mail",
                                              "refused_rcpt",       "refused_data", "refused_auth",
                                              "refused_command"};

  /* The listener made the file; until the first session nothing was counted. */
  p->absent |= p->n >= 0 && !find(p, "connections", "");
  take_tally(&f->sessions, p, "connections");
  take_tally(&f->messages, p, "accepted");
  take_tally(&f->auth_good, p, "auth_good");
  take_tally(&f->auth_bad, p, "auth_bad");
  status_value_count(&f->refused.total, 0);
  status_value_real(&f->refused.minute, 0);
  for (unsigned int i = 0; i < REFUSALS; i++)
  {
    take_tally(f->refusals + i, p, kinds[i]);
    add(&f->refused.total, &f->refusals[i].total, 0);
    add(&f->refused.minute, &f->refusals[i].minute, 1);
  }
}

/* The listener's gauges are true as long as there is a listener. */
static void take_connections(smtp_fields *f, page const *p, service_fields const *sv)
{
  take(&f->limit, p, "limit");
  take(&f->turned_away, p, "refused");
  take(&f->yielded, p, "yielded");
  take(&f->blocked, p, "blocked");
  if (sv->pid.known == KNOWN)
  {
    take(&f->connections, p, "now");
    take(&f->draining, p, "draining");
    take(&f->draining_of, p, "draining-of");
    take(&f->scarce, p, "short");
  }
  else if (sv->pid.known == NONE)
  {
    status_value_count(&f->connections, 0);
    status_value_count(&f->draining, 0);
    status_value_none(&f->draining_of);
    status_value_count(&f->scarce, 0);
  }
}

static int take_smtp(smtp_fields *f, snapshot const *s, stored const *st, char const *name, page *p)
{
  section const *own = bundle_section(&st->b, name);
  service_fields const *sv = snapshot_find(s, name);

  if (!own || !sv)
  {
    none((status_value *)f, sizeof *f);
    return 0;
  }
  if (read_page(p, st->b.state, name, "counters") < 0) return -1;
  take_connections(f, p, sv);
  if (section_text(own, "program"))
  {
    none((status_value *)&f->sessions, sizeof *f - offsetof(smtp_fields, sessions));
    return 0;
  }
  take_sessions(f, p);
  return 0;
}

/* --- TLS ----------------------------------------------------------------------------------------- */

static int take_tls(snapshot *s, stored const *st, page *p)
{
  service_fields const *sv = snapshot_find(s, "tls");
  counter_value const *expires;

  if (!sv || !bundle_section(&st->b, "tls"))
  {
    none((status_value *)&s->tls, sizeof s->tls);
    return 0;
  }
  if (read_page(p, st->b.run, "tls", "counters") < 0) return -1;
  if (sv->pid.known == KNOWN)
    take(&s->tls.sessions, p, "sessions-now");
  else if (sv->pid.known == NONE)
    status_value_count(&s->tls.sessions, 0);
  take(&s->tls.begun, p, "sessions");
  take(&s->tls.resumed, p, "sessions-resumed");
  take(&s->tls.failed, p, "handshakes-failed");
  take(&s->tls.refused, p, "sessions-refused");
  expires = find(p, "expires", "");
  if (expires && expires->value && expires->value < 253402300800u) /* the year 10000 */
  {
    status_value_epoch(&s->tls.expires, expires->value);
    status_value_count(&s->tls.days_left,
                       expires->value > p->now ? (expires->value - p->now + 86399) / 86400 : 0);
  }
  return 0;
}

/* --- policy --------------------------------------------------------------------------------------- */

/* The sum of the counters whose names begin so; unknown where there is none. */
static void take_sum(status_value *d, page const *p, char const *prefix)
{
  uint64_t sum = 0;
  int any = 0;

  for (int i = 0; i < p->n; i++)
    if (!strncmp(p->values[i].name, prefix, strlen(prefix)))
    {
      sum += p->values[i].value;
      any = 1;
    }
  if (any) status_value_count(d, sum);
}

static int take_policy(snapshot *s, stored const *st, page *p)
{
  struct
  {
    status_value *to;
    char const *name;
  } const counted[] = {
      {&s->policy.questions, "questions"},     {&s->policy.allowed, "allowed"},
      {&s->policy.refused, "refused"},         {&s->policy.tempfailed, "tempfailed"},
      {&s->policy.greylisted, "greylisted"},   {&s->policy.known, "known"},
      {&s->policy.entries, "entries"},         {&s->policy.expired, "expired"},
      {&s->policy.unusable_lists, "unusable"}, {&s->policy.dns_asked, "dns-asked"},
      {&s->policy.dns_failed, "dns-failed"},   {&s->policy.late, "late"},
  };
  struct
  {
    status_value *to;
    char const *prefix;
  } const summed[] = {
      {&s->policy.observed, "seen."},          {&s->policy.refused_block, "deny.block"},
      {&s->policy.refused_helo, "deny.helo-"}, {&s->policy.refused_listed, "deny.listed"},
      {&s->policy.refused_rdns, "deny.rdns-"}, {&s->policy.refused_sender, "deny.sender-"},
      {&s->policy.refused_spf, "deny.spf-"},
  };

  if (!bundle_section(&st->b, "policy") || !snapshot_find(s, "policy"))
  {
    none((status_value *)&s->policy, sizeof s->policy);
    return 0;
  }
  if (read_page(p, st->b.state, "policy", "counters") < 0) return -1;
  for (unsigned int i = 0; i < sizeof counted / sizeof counted[0]; i++)
    take(counted[i].to, p, counted[i].name);
  for (unsigned int i = 0; i < sizeof summed / sizeof summed[0]; i++)
    take_sum(summed[i].to, p, summed[i].prefix);
  return 0;
}

/* --- mail to other hosts --------------------------------------------------------------------------- */

static void take_rate(status_value *d, page const *p, char const *name)
{
  counter_value const *even = find(p, name, ".0");
  counter_value const *odd = find(p, name, ".1");

  if (even && odd) status_value_real(d, counter_rate_read(even->value, odd->value, p->now));
}

/* `HOST MESSAGES FAILURES UNTIL`, a line each (services/spool/outlook.h). */
static int take_destinations(snapshot *s, stored const *st)
{
  char path[SNAPSHOT_PATH], bytes[2048], text[1024];
  char const *at = bytes;
  ssize_t got =
      walk_read(AT_FDCWD, snapshot_path(path, st->b.run, "spool/destinations"), bytes, sizeof bytes);
  size_t len = got > 0 ? (size_t)got : 0, n = 0;
  field f;

  for (*text = 0; field_next(&f, &at, &len) && n + f.name_len + 32 < sizeof text;)
    n += (size_t)snprintf(text + n, sizeof text - n, "%s%.*s %llu", n ? ", " : "", (int)f.name_len, f.name,
                          (unsigned long long)field_number(&f));
  if (n) return snapshot_words(&s->outbound.destinations, s, text);
  if (got >= 0 || errno == ENOENT) status_value_none(&s->outbound.destinations);
  return 0;
}

static int take_outbound(snapshot *s, stored const *st, page *p)
{
  service_fields const *sv = snapshot_find(s, "send");
  counter_value const *oldest;

  if (!sv)
  {
    none((status_value *)&s->outbound, sizeof s->outbound);
    return 0;
  }
  if (read_page(p, st->b.run, "spool", "counters") < 0) return -1;
  take_rate(&s->outbound.sent_per_minute, p, "remote.sent");
  take_rate(&s->outbound.bounced_per_minute, p, "remote.bounced");
  if (sv->pid.known != KNOWN) return 0;
  take(&s->outbound.waiting, p, "remote.waiting");
  take(&s->outbound.running, p, "remote.running");
  take(&s->outbound.deferred, p, "remote.deferred");
  if ((oldest = find(p, "remote.oldest", "")))
  {
    s->outbound.oldest.known = oldest->value ? KNOWN : NONE;
    s->outbound.oldest.n = p->now > oldest->value ? p->now - oldest->value : 0;
  }
  return take_destinations(s, st);
}

/* --- people who read their mail ------------------------------------------------------------------ */

static int take_imap(snapshot *s, stored const *st, page *p)
{
  service_fields const *sv = snapshot_find(s, "imap");

  if (!sv || !bundle_section(&st->b, "imap"))
  {
    none((status_value *)&s->imap, sizeof s->imap);
    return 0;
  }
  if (read_page(p, st->b.state, "imap", "counters") < 0) return -1;
  take(&s->imap.logins, p, "logins");
  take_rate(&s->imap.logins_per_minute, p, "logins");
  take(&s->imap.failures, p, "failures");
  take_rate(&s->imap.failures_per_minute, p, "failures");
  take(&s->imap.windows, p, "windows");
  if (sv->pid.known == KNOWN) take(&s->imap.sessions, p, "sessions");
  return 0;
}

/* --- who is blocked -------------------------------------------------------------------------------- */

static void count_blocked(void *data, block const *b, unsigned int line)
{
  snapshot *s = data;
  struct timespec ts;

  (void)line;
  if (b && !b->pass && timespec_sysclock_from_tain(&ts, &s->now) && b->net.until > (uint64_t)ts.tv_sec)
    s->blocked.n++;
}

static int take_blocked(snapshot *s, stored const *st)
{
  static char const *const files[] = {"blocks", "rater/blocks"};
  stralloc path = STRALLOC_ZERO;
  int result = 0;

  status_value_count(&s->blocked, 0);
  for (unsigned int i = 0; i < sizeof files / sizeof files[0] && !result; i++)
  {
    path.len = 0;
    if (service_append(&path, "%s/%s", st->b.state, files[i]) < 0 || !stralloc_0(&path))
      result = -1;
    else if (block_read(path.s, &count_blocked, s) < 0)
      s->blocked.known = UNKNOWN;
  }
  stralloc_free(&path);
  return result;
}

int snapshot_take_daemons(snapshot *s, stored const *st)
{
  static page p;
  struct timespec ts;

  p.now = timespec_sysclock_from_tain(&ts, &s->now) && ts.tv_sec > 0 ? (uint64_t)ts.tv_sec : 0;
  return take_smtp(&s->smtpd, s, st, "smtpd", &p) < 0 ||
                 take_smtp(&s->submission, s, st, "submission", &p) < 0 || take_tls(s, st, &p) < 0 ||
                 take_policy(s, st, &p) < 0 || take_outbound(s, st, &p) < 0 || take_imap(s, st, &p) < 0 ||
                 take_blocked(s, st) < 0
             ? -1
             : 0;
}

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <ctl/status/show.h>
#include <ctl/words.h>

/* What stands below the table: a line a concern, each folded to the terminal's width. */

#define INDENT 4

typedef struct line_s line;
struct line_s
{
  stralloc *sa;
  show const *w;
  stralloc text;
};

static int begin(line *l, char const *name)
{
  l->text.len = 0;
  return service_append(&l->text, "%s:", name);
}

static int add(line *l, char const *format, ...) __attribute__((format(printf, 2, 3)));
static int add(line *l, char const *format, ...)
{
  char buf[1024];
  va_list args;

  va_start(args, format);
  vsnprintf(buf, sizeof buf, format, args);
  va_end(args);
  return stralloc_cats(&l->text, buf) ? 0 : -1;
}

/* Lines break at blanks; a word that is too long stands alone. */
static int end(line *l)
{
  char const *s = l->text.s;
  size_t len = l->text.len;
  size_t width = l->w->width > 2 * INDENT ? l->w->width : SHOW_WIDTH;

  while (len > width)
  {
    size_t cut = width;
    while (cut > INDENT && s[cut] != ' ') cut--;
    if (cut <= INDENT) cut = (size_t)(strcspn(s + INDENT, " ") + INDENT);
    if (cut >= len) break;
    if (service_append(l->sa, "%.*s\n%*s", (int)cut, s, INDENT, "") < 0) return -1;
    s += cut + 1;
    len -= cut + 1;
    width = l->w->width > 2 * INDENT ? l->w->width - INDENT : SHOW_WIDTH - INDENT;
  }
  return stralloc_catb(l->sa, s, len) && stralloc_catb(l->sa, "\n", 1) ? 0 : -1;
}

static int has(status_value const *d)
{
  return d->known != NONE;
}

/* --- the lines ----------------------------------------------------------------------------------- */

static int put_supervisor(line *l)
{
  snapshot const *s = l->w->s;
  char a[FIELD_WORDS], b[FIELD_WORDS], c[FIELD_WORDS];

  if (begin(l, "supervisor") < 0 || add(l, " %s", snapshot_human(a, l->w->s, &l->w->s->supervisor.state)) < 0)
    return -1;
  if (has(&s->supervisor.pid) &&
      add(l, " for %s, pid %s, %s", snapshot_human(a, l->w->s, &l->w->s->supervisor.since),
          snapshot_human(b, l->w->s, &l->w->s->supervisor.pid),
          snapshot_human(c, l->w->s, &l->w->s->supervisor.memory)) < 0)
    return -1;
  return add(l, ", generation %s", snapshot_human(a, l->w->s, &l->w->s->generation)) < 0 ? -1 : end(l);
}

static int put_queue(line *l)
{
  char a[FIELD_WORDS], b[FIELD_WORDS], c[FIELD_WORDS], d[FIELD_WORDS], e[FIELD_WORDS];
  snapshot const *s = l->w->s;

  if (begin(l, "queue") < 0 || add(l, " backlog %s", snapshot_human(a, l->w->s, &l->w->s->queue.backlog)) < 0)
    return -1;
  if (has(&s->queue.oldest) && add(l, ", oldest %s", snapshot_human(b, l->w->s, &l->w->s->queue.oldest)) < 0)
    return -1;
  if (add(l, ", %s in all", snapshot_human(c, l->w->s, &l->w->s->queue.messages)) < 0) return -1;
  if (has(&s->queue.failed) &&
      add(l, ", failed %s%s", snapshot_human(d, l->w->s, &l->w->s->queue.failed),
          s->queue.failed.known == KNOWN && s->queue.failed.n ? " (spool(5) tells why)" : "") < 0)
    return -1;
  return add(l, ", %s free", snapshot_human(e, l->w->s, &l->w->s->queue.free)) < 0 ? -1 : end(l);
}

static int put_outbound(line *l)
{
  snapshot const *s = l->w->s;
  char a[FIELD_WORDS], b[FIELD_WORDS], c[FIELD_WORDS], d[FIELD_WORDS];

  if (!has(&s->outbound.waiting)) return 0;
  if (begin(l, "outbound") < 0 || add(l, " %s waiting", snapshot_human(a, s, &s->outbound.waiting)) < 0)
    return -1;
  if (s->outbound.oldest.known == KNOWN &&
      add(l, ", oldest %s", snapshot_human(a, s, &s->outbound.oldest)) < 0)
    return -1;
  if (s->outbound.deferred.known == KNOWN && s->outbound.deferred.n &&
      add(l, ", %s for hosts that fail (%s)", snapshot_human(a, s, &s->outbound.deferred),
          snapshot_human(b, s, &s->outbound.destinations)) < 0)
    return -1;
  return add(l, ", %s under way, %s sent and %s bounced a minute", snapshot_human(b, s, &s->outbound.running),
             snapshot_human(c, s, &s->outbound.sent_per_minute),
             snapshot_human(d, s, &s->outbound.bounced_per_minute)) < 0
             ? -1
             : end(l);
}

static int put_imap(line *l)
{
  char a[FIELD_WORDS], b[FIELD_WORDS], c[FIELD_WORDS];

  if (!has(&l->w->s->imap.sessions)) return 0;
  return begin(l, "imap") < 0 || add(l, " %s %s, %s logins and %s failed a minute",
                                     snapshot_human(a, l->w->s, &l->w->s->imap.sessions),
                                     l->w->s->imap.sessions.n == 1 ? "session" : "sessions",
                                     snapshot_human(b, l->w->s, &l->w->s->imap.logins_per_minute),
                                     snapshot_human(c, l->w->s, &l->w->s->imap.failures_per_minute)) < 0
             ? -1
             : end(l);
}

static int put_overload(line *l)
{
  char a[FIELD_WORDS];
  snapshot const *s = l->w->s;

  if (begin(l, "overload") < 0 || add(l, " %s", snapshot_human(a, l->w->s, &l->w->s->overload.state)) < 0)
    return -1;
  if (s->overload.level.known == KNOWN && s->overload.level.n &&
      add(l, ", level %s", snapshot_human(a, l->w->s, &l->w->s->overload.level)) < 0)
    return -1;
  if (s->overload.since.known == KNOWN &&
      add(l, ", for %s", snapshot_human(a, l->w->s, &l->w->s->overload.since)) < 0)
    return -1;
  if (s->overload.maker.known == KNOWN && add(l, strcmp(s->overload.maker.text, "held") ? ", by %s" : ", %s",
                                              snapshot_human(a, l->w->s, &l->w->s->overload.maker)) < 0)
    return -1;
  if (s->overload.reason.known == KNOWN &&
      add(l, ": %s", snapshot_human(a, l->w->s, &l->w->s->overload.reason)) < 0)
    return -1;
  if (s->overload.monitor.known == KNOWN && !s->overload.monitor.n && add(l, "; no monitor measures") < 0)
    return -1;
  return end(l);
}

/* Only the kinds of refusal that happen. */
static int put_refusals(line *l, smtp_fields const *f)
{
  static char const *const kinds[REFUSALS] = {"connection", "helo", "mail",   "rcpt",
                                              "data",       "auth", "command"};
  int first = 1;

  for (unsigned int i = 0; i < REFUSALS; i++)
  {
    status_value const *d = &f->refusals[i].minute;
    if (d->known != KNOWN || d->real < 0.05) continue;
    if (add(l, "%s%s %.1f", first ? " (" : ", ", kinds[i], d->real) < 0) return -1;
    first = 0;
  }
  return first ? 0 : add(l, ")");
}

static char const *rate(char s[FIELD_WORDS], status_value const *d)
{
  static status_field const real = {.type = FIELD_REAL};
  return status_field_human(s, &real, d, 0);
}

static int put_smtp(line *l, char const *name, smtp_fields const *f)
{
  static status_field const count = {.type = FIELD_COUNT};
  char a[FIELD_WORDS], b[FIELD_WORDS];

  if (!has(&f->connections)) return 0;
  if (begin(l, name) < 0 || add(l, " %s of %s connections", status_field_plain(a, &count, &f->connections),
                                status_field_plain(b, &count, &f->limit)) < 0)
    return -1;
  if (f->draining.known == KNOWN && f->draining.n &&
      add(l, ", draining %s of generation %s", status_field_plain(a, &count, &f->draining),
          status_field_plain(b, &count, &f->draining_of)) < 0)
    return -1;
  if (f->scarce.known == KNOWN && f->scarce.n && add(l, ", places run short") < 0) return -1;
  if (has(&f->messages.minute) &&
      (add(l, "; a minute: %s messages, %s refused", rate(a, &f->messages.minute),
           rate(b, &f->refused.minute)) < 0 ||
       put_refusals(l, f) < 0 || add(l, ", %s failed logins", rate(a, &f->auth_bad.minute)) < 0))
    return -1;
  return end(l);
}

static int put_tls(line *l)
{
  char a[FIELD_WORDS], b[FIELD_WORDS];

  if (!has(&l->w->s->tls.sessions)) return 0;
  if (begin(l, "tls") < 0 ||
      add(l, " %s sessions, certificate: ", snapshot_human(a, l->w->s, &l->w->s->tls.sessions)) < 0)
    return -1;
  if (l->w->s->tls.days_left.known == KNOWN && !l->w->s->tls.days_left.n)
    return add(l, "EXPIRED (`mailctl check` says which)") < 0 ? -1 : end(l);
  return add(l, "%s days left", snapshot_human(b, l->w->s, &l->w->s->tls.days_left)) < 0 ? -1 : end(l);
}

static int put_rater(line *l)
{
  char a[FIELD_WORDS], b[FIELD_WORDS], c[FIELD_WORDS];
  snapshot const *s = l->w->s;

  if (!has(&s->rater.checks)) return 0;
  if (begin(l, "rater") < 0 || add(l, " %s checks a second, %s refused, %s keys",
                                   snapshot_human(a, l->w->s, &l->w->s->rater.checks_per_second),
                                   snapshot_human(b, l->w->s, &l->w->s->rater.refused),
                                   snapshot_human(c, l->w->s, &l->w->s->rater.keys)) < 0)
    return -1;
  for (unsigned int i = 0; i < s->noffenders; i++)
    if (add(l, "%s%s %s %" PRIu64, i ? ", " : "; most refused: ", s->offenders[i].class,
            s->offenders[i].value, s->offenders[i].refusals) < 0)
      return -1;
  return end(l);
}

static int put_blocked(line *l)
{
  status_value const *n = &l->w->s->blocked;
  char a[FIELD_WORDS];

  if (n->known != KNOWN || !n->n) return 0;
  if (begin(l, "blocked") < 0 ||
      add(l, " %s at the door (`mailctl block` says who)", snapshot_human(a, l->w->s, n)) < 0)
    return -1;
  return end(l);
}

static int put_policy(line *l)
{
  char a[FIELD_WORDS], b[FIELD_WORDS], c[FIELD_WORDS], d[FIELD_WORDS];
  status_value const *unusable = &l->w->s->policy.unusable_lists;

  if (!has(&l->w->s->policy.questions)) return 0;
  if (begin(l, "policy") < 0 || add(l, " %s questions, %s refused, %s greylisted, %s entries",
                                    snapshot_human(a, l->w->s, &l->w->s->policy.questions),
                                    snapshot_human(b, l->w->s, &l->w->s->policy.refused),
                                    snapshot_human(c, l->w->s, &l->w->s->policy.greylisted),
                                    snapshot_human(d, l->w->s, &l->w->s->policy.entries)) < 0)
    return -1;
  if (unusable->known == KNOWN && unusable->n &&
      add(l, "; %s DNS lists unusable", snapshot_human(a, l->w->s, &l->w->s->policy.unusable_lists)) < 0)
    return -1;
  return end(l);
}

static char const *of_service(char s[FIELD_WORDS], line const *l, size_t at, service_fields const *f)
{
  status_field const *x = status_field_at(FIELD_SERVICE, at);
  return status_field_human(s, x, status_field_value(x, f), &l->w->s->now);
}
#define OF_SERVICE(s, l, field, f) of_service(s, l, offsetof(service_fields, field), f)

static int put_job(line *l, service_fields const *f)
{
  char a[FIELD_WORDS], b[FIELD_WORDS], c[FIELD_WORDS], d[FIELD_WORDS];

  if (begin(l, "job") < 0 || add(l, " %s", f->id) < 0) return -1;
  if (f->run_seconds.known == KNOWN &&
      add(l, " ran %s ago, took %s: %s", OF_SERVICE(a, l, last_run, f), OF_SERVICE(b, l, run_seconds, f),
          OF_SERVICE(c, l, run_result, f)) < 0)
    return -1;
  if (f->run_seconds.known != KNOWN && has(&f->last_run) &&
      add(l, " has been running for %s", OF_SERVICE(a, l, last_run, f)) < 0)
    return -1;
  return has(&f->next_run) &&
                 add(l, "%s next run %s", has(&f->last_run) ? ";" : "", OF_SERVICE(d, l, next_run, f)) < 0
             ? -1
             : end(l);
}

static int put_jobs(line *l)
{
  service_fields const *f = snapshot_services(l->w->s);

  for (size_t n = snapshot_count(l->w->s); n; n--, f++)
    if ((has(&f->last_run) || has(&f->next_run)) && put_job(l, f) < 0) return -1;
  return 0;
}

static int put_milters(line *l)
{
  snapshot const *s = l->w->s;
  char text[MILTER_TEXT];

  for (unsigned int i = 0; i < s->nmilters; i++)
    if (begin(l, "milter") < 0 ||
        add(l, " %s %s", s->milters[i].service, milter_text(text, s->milters + i)) < 0 || end(l) < 0)
      return -1;
  return 0;
}

static int put_warnings(line *l)
{
  snapshot const *s = l->w->s;
  char when[WORDS_MAX];
  char of[WARNING_OF];

  if (s->nwarnings && !stralloc_cats(l->sa, "\nlast warnings:\n")) return -1;
  for (unsigned int i = s->nwarnings; i; i--)
  {
    warning_fields const *x = s->warnings + i - 1;
    words_time(when, &x->time);
    l->text.len = 0;
    if (add(l, "  %.19s %s%s", when, snapshot_warning_of(of, x), x->text) < 0 || end(l) < 0) return -1;
  }
  return 0;
}

int show_lines(stralloc *sa, show const *w)
{
  line l = {.sa = sa, .w = w, .text = STRALLOC_ZERO};
  int result = put_supervisor(&l) < 0 || put_queue(&l) < 0 || put_outbound(&l) < 0 || put_imap(&l) < 0 ||
                       put_overload(&l) < 0 || put_smtp(&l, "smtpd", &w->s->smtpd) < 0 ||
                       put_smtp(&l, "submission", &w->s->submission) < 0 || put_tls(&l) < 0 ||
                       put_rater(&l) < 0 || put_blocked(&l) < 0 || put_policy(&l) < 0 ||
                       put_milters(&l) < 0 || put_jobs(&l) < 0 || put_warnings(&l) < 0
                   ? -1
                   : 0;

  stralloc_free(&l.text);
  return result;
}

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <ctl/status/field.h>
#include <ctl/status/snapshot.h>
#include <ctl/words.h>

/* The services' facts have plain names, those of the whole have a dot. */
#define SERVICE(NAME, TYPE, METRIC, COLUMN, KEEP, TITLE, HELP)                                               \
  {                                                                                                          \
#NAME, TITLE, HELP, FIELD_##TYPE, FIELD_SERVICE, METRIC_##METRIC, COLUMN, KEEP,                          \
        offsetof(service_fields, NAME)                                                                       \
  }
#define BUNDLE(NAME, TYPE, METRIC, TITLE, HELP)                                                              \
  {                                                                                                          \
#NAME, TITLE, HELP, FIELD_##TYPE, FIELD_BUNDLE, METRIC_##METRIC, 0, 0, offsetof(snapshot, NAME)          \
  }
#define SMTP(WHO, NAME, MEMBER, TYPE, METRIC, TITLE, HELP)                                                   \
  {                                                                                                          \
#WHO "." NAME, TITLE, HELP, FIELD_##TYPE, FIELD_BUNDLE, METRIC_##METRIC, 0, 0,                           \
        offsetof(snapshot, WHO.MEMBER)                                                                       \
  }
#define TALLY(WHO, NAME, MEMBER, TITLE, HELP)                                                                \
  SMTP(WHO, NAME, MEMBER.total, COUNT, COUNTER, TITLE, HELP),                                                \
      SMTP(WHO, NAME "_per_minute", MEMBER.minute, REAL, GAUGE, TITLE " a minute",                           \
           HELP ", in the last minute")
#define REFUSAL(WHO, NAME, KIND, WHEN)                                                                       \
  TALLY(WHO, "refused_" NAME, refusals[REFUSED_##KIND], "refused " NAME, "refusals " WHEN)
#define SMTP_SERVER(WHO)                                                                                     \
  TALLY(WHO, "auth_bad", auth_bad, "failed logins", "logins with a wrong name or password"),                 \
      TALLY(WHO, "auth_good", auth_good, "logins", "logins that succeeded"),                                 \
      SMTP(WHO, "blocked", blocked, COUNT, COUNTER, "blocked", "connections of blocked addresses"),          \
      SMTP(WHO, "connections", connections, COUNT, GAUGE, "connections", "sessions that run now"),           \
      SMTP(WHO, "draining", draining, COUNT, GAUGE, "draining",                                              \
           "of them, those of an earlier start, which are about to end"),                                    \
      SMTP(WHO, "draining_of", draining_of, COUNT, NONE, "of generation",                                    \
           "the generation in which the oldest of these was started"),                                       \
      SMTP(WHO, "limit", limit, COUNT, GAUGE, "limit", "sessions that may run at a time"),                   \
      TALLY(WHO, "messages", messages, "messages", "messages taken"),                                        \
      SMTP(WHO, "refused", refused.total, COUNT, COUNTER, "refused", "refusals of all kinds"),               \
      REFUSAL(WHO, "auth", AUTH, "of AUTH"), REFUSAL(WHO, "command", COMMAND, "of any other command"),       \
      REFUSAL(WHO, "connection", CONNECTION, "at the connection"), REFUSAL(WHO, "data", DATA, "of DATA"),    \
      REFUSAL(WHO, "helo", HELO, "of HELO and EHLO"), REFUSAL(WHO, "mail", MAIL, "of MAIL"),                 \
      SMTP(WHO, "refused_per_minute", refused.minute, REAL, GAUGE, "refused a minute",                       \
           "refusals of all kinds, in the last minute"),                                                     \
      REFUSAL(WHO, "rcpt", RCPT, "of RCPT"),                                                                 \
      SMTP(WHO, "scarce", scarce, COUNT, GAUGE, "places short",                                              \
           "1: four fifths of the places are taken, and who is silent must go soon"),                        \
      TALLY(WHO, "sessions", sessions, "sessions", "sessions begun"),                                        \
      SMTP(WHO, "turned_away", turned_away, COUNT, COUNTER, "turned away",                                   \
           "connections refused because there were too many"),                                               \
      SMTP(WHO, "yielded", yielded, COUNT, COUNTER, "yielded",                                               \
           "silent sessions that had to leave their place to somebody new")

status_field const status_fields[] = {
    BUNDLE(blocked, COUNT, GAUGE, "blocked", "addresses and networks that are blocked at the door now"),
    SERVICE(cpu, PERCENT, GAUGE, 6, 2, "CPU",
            "CPU time of all its processes, as a share of one CPU: since they began, or since the last look"),
    SERVICE(cpu_seconds, REAL, COUNTER, 0, 0, "CPU TIME",
            "CPU time of all its processes, and of those that they waited for, in seconds"),
    BUNDLE(generation, COUNT, GAUGE, "generation", "the number of the current generation"),
    BUNDLE(health, TEXT, WORD, "health", "well, degraded or not running"),
    BUNDLE(imap.failures, COUNT, COUNTER, "failed logins", "wrong names and passwords"),
    BUNDLE(imap.failures_per_minute, REAL, GAUGE, "failed logins a minute", "of these, in the last minute"),
    BUNDLE(imap.logins, COUNT, COUNTER, "logins", "logins that succeeded"),
    BUNDLE(imap.logins_per_minute, REAL, GAUGE, "logins a minute", "of these, in the last minute"),
    BUNDLE(imap.sessions, COUNT, GAUGE, "sessions", "sessions of people who read their mail"),
    BUNDLE(imap.windows, COUNT, COUNTER, "windows", "windows to send through that a login opened"),
    SERVICE(last_death, TIME, GAUGE, 0, 0, "LAST DEATH",
            "when it last died without a command, since it was last started by one"),
    SERVICE(last_exit, TEXT, NONE, 10, 4, "EXIT", "how its process before this one ended"),
    SERVICE(last_run, TIME, GAUGE, 0, 0, "LAST RUN", "when the job last began"),
    SERVICE(log, TEXT, WORD, 8, 9, "LOG", "the state of its logger, in the words of state"),
    SERVICE(log_pid, COUNT, NONE, 0, 0, "LOGGER PID", "the process of its logger"),
    SERVICE(memory, BYTES, GAUGE, 7, 1, "MEM",
            "resident memory of all its processes; what several of them share counts for each"),
    SERVICE(name, TEXT, NONE, 1, 0, "SERVICE", "its name"),
    SERVICE(next_run, TIME, GAUGE, 0, 0, "NEXT RUN", "when the job begins next, but for its jitter"),
    SERVICE(orphan, COUNT, NONE, 0, 0, "ORPHAN", "a process of it that runs outside supervision"),
    BUNDLE(outbound.bounced_per_minute, REAL, GAUGE, "bounced a minute",
           "messages a minute whose sender was told of a failure elsewhere"),
    BUNDLE(outbound.deferred, COUNT, GAUGE, "deferred",
           "of those that wait, for hosts that could not be reached last"),
    BUNDLE(outbound.destinations, TEXT, NONE, "destinations",
           "these hosts, with the messages for each: the five that most wait for"),
    BUNDLE(outbound.oldest, SECONDS, GAUGE, "oldest", "how long the oldest of those that wait has waited"),
    BUNDLE(outbound.running, COUNT, GAUGE, "running", "deliveries to other hosts that are under way"),
    BUNDLE(outbound.sent_per_minute, REAL, GAUGE, "sent a minute",
           "recipients a minute whose hosts took a message"),
    BUNDLE(outbound.waiting, COUNT, GAUGE, "waiting",
           "messages that wait for other hosts, once for each host"),
    BUNDLE(overload.level, COUNT, GAUGE, "level", "0 clear, 1 overloaded, 2 severe"),
    BUNDLE(overload.maker, TEXT, NONE, "made by", "monitor, held (by `mailctl overload`) or hand"),
    BUNDLE(overload.monitor, YES, GAUGE, "monitor", "whether a monitor measures"),
    BUNDLE(overload.reason, TEXT, NONE, "reason", "why it is overloaded, or held"),
    BUNDLE(overload.since, TIME, GAUGE, "since", "when it came to this level"),
    BUNDLE(overload.state, TEXT, WORD, "overload",
           "the level as a word: clear, overloaded, severe; unknown: nobody measures who should"),
    BUNDLE(overload.until, TIME, GAUGE, "until", "when the hold ends"),
    SERVICE(pid, COUNT, NONE, 4, 3, "PID", "its process"),
    BUNDLE(policy.allowed, COUNT, COUNTER, "allowed",
           "questions about whom a list of allow, or a dnswl, lets through"),
    BUNDLE(policy.dns_asked, COUNT, COUNTER, "DNS asked", "questions to the DNS, since policyd began"),
    BUNDLE(policy.dns_failed, COUNT, COUNTER, "DNS failed", "of these, without an answer"),
    BUNDLE(policy.entries, COUNT, GAUGE, "entries", "what is remembered for greylisting"),
    BUNDLE(policy.expired, COUNT, COUNTER, "expired", "what of that was forgotten for its age"),
    BUNDLE(policy.greylisted, COUNT, COUNTER, "greylisted", "clients asked to come again"),
    BUNDLE(policy.known, COUNT, COUNTER, "known", "clients that greylisting knew"),
    BUNDLE(policy.late, COUNT, COUNTER, "late", "questions for which the DNS took too long"),
    BUNDLE(policy.observed, COUNT, COUNTER, "observed", "what the action observe let through"),
    BUNDLE(policy.questions, COUNT, COUNTER, "questions", "questions answered"),
    BUNDLE(policy.refused, COUNT, COUNTER, "refused", "recipients refused for good"),
    BUNDLE(policy.refused_block, COUNT, COUNTER, "refused block",
           "refusals by a list of block, for good or for now"),
    BUNDLE(policy.refused_helo, COUNT, COUNTER, "refused HELO", "refusals for HELO"),
    BUNDLE(policy.refused_listed, COUNT, COUNTER, "refused listed", "refusals by DNS lists"),
    BUNDLE(policy.refused_rdns, COUNT, COUNTER, "refused rDNS", "refusals for the client's name"),
    BUNDLE(policy.refused_sender, COUNT, COUNTER, "refused sender", "refusals for the sender's domain"),
    BUNDLE(policy.refused_spf, COUNT, COUNTER, "refused SPF", "refusals by SPF"),
    BUNDLE(policy.tempfailed, COUNT, COUNTER, "tempfailed",
           "recipients refused for now, but for greylisting"),
    BUNDLE(policy.unusable_lists, COUNT, GAUGE, "unusable lists", "DNS lists whose answers make no sense"),
    SERVICE(processes, COUNT, GAUGE, 0, 0, "PROCESSES", "its process and all the descendants"),
    BUNDLE(queue.backlog, COUNT, GAUGE, "backlog",
           "messages that wait to be delivered or sent on: todo; unknown where nobody counted all"),
    BUNDLE(queue.enter, COUNT, GAUGE, "enter", "the backlog that raises the overload level to 1"),
    BUNDLE(queue.failed, COUNT, GAUGE, "failed", "messages that could not be delivered and were put aside"),
    BUNDLE(queue.free, BYTES, GAUGE, "free", "free space where the queue is"),
    BUNDLE(queue.leave, COUNT, GAUGE, "leave", "the backlog that ends it"),
    BUNDLE(queue.messages, COUNT, GAUGE, "messages", "messages in the whole queue"),
    BUNDLE(queue.oldest, SECONDS, GAUGE, "oldest", "how long the oldest of the backlog has waited"),
    BUNDLE(queue.severe_enter, COUNT, GAUGE, "severe enter", "the backlog that raises it to 2"),
    BUNDLE(queue.severe_leave, COUNT, GAUGE, "severe leave", "the backlog that ends that"),
    BUNDLE(rater.checks, COUNT, COUNTER, "checks", "questions answered"),
    BUNDLE(rater.checks_per_second, REAL, GAUGE, "checks a second", "questions answered a second"),
    BUNDLE(rater.keys, COUNT, GAUGE, "keys", "keys in the table"),
    BUNDLE(rater.refused, COUNT, COUNTER, "refused", "questions answered with: too often"),
    BUNDLE(rater.room, COUNT, GAUGE, "room", "keys that the table has room for"),
    SERVICE(restarts, COUNT, GAUGE, 5, 6, "DIED", "deaths in the last hour that nobody commanded"),
    SERVICE(run_result, TEXT, WORD, 0, 0, "RESULT",
            "what became of its last run: exit CODE, signal NUMBER, timed out, stopped (by command) or "
            "interrupted (the machine ended)"),
    SERVICE(run_seconds, SECONDS, GAUGE, 0, 0, "TOOK", "how long that took"),
    SERVICE(runs, TEXT, WORD, 9, 8, "RUNS",
            "current: started from the current generation with the program that is there now; or restart "
            "pending"),
    SERVICE(runs_reason, TEXT, NONE, 0, 0, "WHY", "why a restart is pending"),
    SERVICE(since, TIME, GAUGE, 3, 5, "SINCE", "when it came to this state"),
    SMTP_SERVER(smtpd),
    SERVICE(
        state, TEXT, WORD, 2, 0, "STATE",
        "ready, starting, up, stopping, stopped, retrying, FAILED, FAILED (retrying), missing or unknown"),
    SMTP_SERVER(submission),
    BUNDLE(supervisor.cpu_seconds, REAL, COUNTER, "CPU time",
           "CPU time of s6-svscan and of what it waited for"),
    BUNDLE(supervisor.memory, BYTES, GAUGE, "memory", "resident memory of s6-svscan"),
    BUNDLE(supervisor.pid, COUNT, NONE, "pid", "the process of s6-svscan"),
    BUNDLE(supervisor.since, TIME, GAUGE, "since", "when it began"),
    BUNDLE(supervisor.state, TEXT, WORD, "supervisor",
           "running, killed (what it ran runs on) or not running"),
    BUNDLE(time, TIME, GAUGE, "time", "the moment of all this"),
    BUNDLE(tls.begun, COUNT, COUNTER, "begun", "sessions begun"),
    BUNDLE(tls.days_left, COUNT, GAUGE, "days left",
           "days until the first certificate expires, rounded up; 0: it has, and status is degraded"),
    BUNDLE(tls.expires, TIME, GAUGE, "expires", "when the first certificate expires"),
    BUNDLE(tls.failed, COUNT, COUNTER, "failed", "handshakes that failed"),
    BUNDLE(tls.refused, COUNT, COUNTER, "refused", "sessions refused because there were too many"),
    BUNDLE(tls.resumed, COUNT, COUNTER, "resumed", "sessions that took up an earlier one"),
    BUNDLE(tls.sessions, COUNT, GAUGE, "sessions", "sessions that run now"),
    SERVICE(wanted, YES, GAUGE, 0, 0, "WANTED",
            "whether it should be ready; no: held down by `mailctl down NAME`"),
};
size_t const status_fields_count = sizeof status_fields / sizeof status_fields[0];

status_field const *status_field_find(char const *name, size_t len)
{
  size_t low = 0;
  size_t high = status_fields_count;

  while (low < high)
  {
    size_t mid = low + (high - low) / 2;
    int r = strncmp(name, status_fields[mid].name, len);
    if (!r) r = status_fields[mid].name[len] ? -1 : 0;
    if (!r) return status_fields + mid;
    if (r < 0)
      high = mid;
    else
      low = mid + 1;
  }
  return 0;
}

status_field const *status_field_at(status_field_scope scope, size_t at)
{
  for (size_t i = 0; i < status_fields_count; i++)
    if (status_fields[i].scope == scope && status_fields[i].at == at) return status_fields + i;
  return 0;
}

/* --- in words ------------------------------------------------------------------------------------ */

char const *status_field_time(char s[FIELD_WORDS], tain const *t)
{
  struct timespec ts;
  struct tm tm;
  size_t n;

  if (!timespec_sysclock_from_tain(&ts, t) || !gmtime_r(&ts.tv_sec, &tm)) return "unknown";
  n = strftime(s, FIELD_WORDS, "%Y-%m-%dT%H:%M:%S", &tm);
  snprintf(s + n, FIELD_WORDS - n, ".%03ldZ", ts.tv_nsec / 1000000);
  return s;
}

static char const *unsure(status_value const *d)
{
  return d->known == NONE ? "-" : "unknown";
}

static void print_bytes(char *s, uint64_t n)
{
  static char const units[] = "KMGTPE";
  double x = (double)n / 1024;
  unsigned int i = 0;

  for (; x >= 1000 && i < 5; i++) x /= 1024;
  snprintf(s, FIELD_WORDS, x < 10 ? "%.1f%c" : "%.0f%c", x, units[i]);
}

static char const *print_ago(char *s, tain const *t, tain const *now)
{
  int ahead = tain_less(now, t);
  tain d;

  if (ahead)
    tain_sub(&d, t, now);
  else
    tain_sub(&d, now, t);
  if (ahead) memcpy(s, "in ", 3);
  words_span(s + 3 * ahead, 1000ull * d.sec.x + d.nano / 1000000);
  return s;
}

char const *status_field_human(char s[FIELD_WORDS], status_field const *f, status_value const *d,
                               tain const *now)
{
  if (d->known != KNOWN) return unsure(d);
  switch (f->type)
  {
    case FIELD_BYTES: print_bytes(s, d->n); break;
    case FIELD_SECONDS: words_span(s, d->n < UINT64_MAX / 1000 ? 1000 * d->n : UINT64_MAX); break;
    case FIELD_TIME: return print_ago(s, &d->time, now);
    case FIELD_PERCENT: snprintf(s, FIELD_WORDS, d->real < 10 ? "%.1f%%" : "%.0f%%", d->real); break;
    case FIELD_REAL: snprintf(s, FIELD_WORDS, d->real < 10 ? "%.1f" : "%.0f", d->real); break;
    default: return status_field_plain(s, f, d);
  }
  return s;
}

char const *status_field_plain(char s[FIELD_WORDS], status_field const *f, status_value const *d)
{
  if (d->known != KNOWN) return unsure(d);
  switch (f->type)
  {
    case FIELD_TEXT: return d->text;
    case FIELD_YES: return d->n ? "yes" : "no";
    case FIELD_TIME: return status_field_time(s, &d->time);
    case FIELD_REAL:
    case FIELD_PERCENT: snprintf(s, FIELD_WORDS, "%.2f", d->real); break;
    default: snprintf(s, FIELD_WORDS, "%" PRIu64, d->n); break;
  }
  return s;
}

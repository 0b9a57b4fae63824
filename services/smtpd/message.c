#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "session-internal.h"

#define MESSAGE_HOPS  100
#define MESSAGE_CHUNK 32768

/* Puts bytes into the queue, and before the milters. */
static int put_message(session *s, char const *bytes, size_t len)
{
  s->operations->queue_put(s->operations->host, bytes, len);
  return milter_put(s, bytes, len);
}

/* Begins the message: the Received line, and what plugins want in the header. */
static int head(session *s)
{
  stralloc sa = STRALLOC_ZERO;
  int ok = received_fmt(&sa, s) == 0 && (!s->spp.headers.len || stralloc_cat(&sa, &s->spp.headers)) &&
           put_message(s, sa.s, sa.len) == 0;

  stralloc_free(&sa);
  return ok ? 0 : -1;
}

/* A mail program's message is completed on its way (fixup.h). */
static void begin_fixup(session *s)
{
  session_config const *c = s->config;
  uint64_t now = s->operations->now(s->operations->host);
  fixup_info const info = {.now = (time_t)(now / 1000000),
                           .host = c->control->me.s,
                           .domain = c->domain,
                           .sender = s->from.s,
                           .id = s->message_id};

  snprintf(s->message_id, sizeof s->message_id, "%llu.%u.%u", (unsigned long long)now, c->pid, s->messages);
  fixup_init(&s->fixup, &info);
}

/* Sends on what fixup made of the last bytes. */
static int put_fixed(session *s, int result)
{
  if (result == 0 && s->fixed.len) result = put_message(s, s->fixed.s, s->fixed.len);
  s->fixed.len = 0;
  return result;
}

/* A first line that begins with a blank would continue our own Received field: it is no header that begins so. */
static int put(session *s, char const *bytes, size_t len, int first)
{
  if (s->config->submission) return put_fixed(s, fixup_feed(&s->fixup, bytes, len, &s->fixed));
  if (first && (*bytes == ' ' || *bytes == '\t') && put_message(s, "\n", 1) < 0) return -1;
  return put_message(s, bytes, len);
}

int command_data(session *s, char const *argument)
{
  static data const fresh = DATA_ZERO;
  operations const *e = s->operations;
  int r;

  if (*argument) return refuse(s, STAGE_DATA, "501 5.5.4 DATA takes no argument");
  if (!s->mail) return refuse(s, STAGE_DATA, "503 5.5.1 MAIL first");
  if (!s->recipients) return refuse(s, STAGE_DATA, "503 5.5.1 RCPT first");
  r = spp_refused_earlier(&s->spp, SPP_DATA, &s->out);
  if (r) return r < 0 ? -1 : refused(s, STAGE_DATA, s->reply = s->out.len - s->spp.later[2].len);
  r = plugins_run(s, SPP_DATA, STAGE_DATA, 0);
  if (r <= SPP_REFUSE) return r;
  r = policy_run(s, POLICY_DATA, STAGE_DATA);
  if (r > SPP_REFUSE) r = milter_data(s);
  if (r <= SPP_REFUSE) return r;
  if (e->queue_open(e->host, &s->spp.vars) < 0)
    return refuse(s, STAGE_DATA,
                  errno == ENOSPC || errno == EDQUOT ? "452 4.3.1 disk full" : "451 4.3.0 qqt failure");
  s->phase = PHASE_DATA; /* from here on whoever ends the session must abandon the queue program */
  s->data = fresh;
  s->too_big = 0;
  if (head(s) < 0) return -1;
  if (s->config->submission) begin_fixup(s);
  return reply(s, "354 go ahead");
}

#define ACCEPTED 96

/* The message is queued: from here on nothing may fail, or it would come again. There is room in out. */
static void accepted(session *s, unsigned long id)
{
  char text[ACCEPTED];

  snprintf(text, sizeof text, "250 2.0.0 ok %llu qp %lu",
           (unsigned long long)(s->operations->now(s->operations->host) / 1000000), id);
  s->operations->count(s->operations->host, TALLY_ACCEPTED);
  s->errors = s->idle = s->over = s->spp.runs = 0;
  (void)log_message(s, 250, text, id);
  (void)reply(s, text);
}

static int rejected(session *s, char const *text, unsigned long id)
{
  if (log_message(s, 0, text, id) < 0 || reply(s, text) < 0) return -1;
  s->operations->count(s->operations->host, TALLY_REFUSED_DATA);
  return 0;
}

/* F sender NUL, T recipient NUL each, NUL: all at once, so that a killed session leaves no whole envelope. */
static int hand_over(session *s, unsigned long *id, int *code)
{
  operations const *e = s->operations;
  stralloc sa = STRALLOC_ZERO;
  int ok = stralloc_catb(&sa, "F", 1) && stralloc_catb(&sa, s->from.s, s->from.len) && stralloc_0(&sa) &&
           (s->policy.redirect.len ? stralloc_catb(&sa, "T", 1) && stralloc_cat(&sa, &s->policy.redirect)
                                   : stralloc_catb(&sa, s->envelope.s, s->envelope.len)) &&
           stralloc_0(&sa);

  if (ok) *code = e->queue_close(e->host, sa.s, sa.len, id);
  stralloc_free(&sa);
  return ok ? 0 : -1;
}

int message_hold(session *s, char const *why)
{
  return stralloc_copys(&s->policy.held, why) && stralloc_0(&s->policy.held) ? 0 : -1;
}

static int finish(session *s)
{
  unsigned long id = 0;
  int code = 0, verdict = SPP_GO, queued;
  char const *wrong = s->too_big ? "552 5.3.4 sorry, that message size exceeds my databytes limit"
                      : s->data.hops > MESSAGE_HOPS ? "554 5.4.6 too many hops, this message is looping"
                                                    : 0;

  if (!stralloc_readyplus(&s->out, ACCEPTED + 2)) return -1;
  if (!wrong && s->config->submission && put_fixed(s, fixup_end(&s->fixup, &s->fixed)) < 0) return -1;
  if (!wrong) verdict = policy_run(s, POLICY_END, STAGE_DATA);
  if (!wrong && verdict == SPP_GO) verdict = milter_end(s);
  if (verdict < 0) return -1;
  if (s->policy.held.len && !wrong && verdict == SPP_GO && s->operations->queue_hold(s->operations->host) < 0)
    wrong = "451 4.3.0 this message must be held, and the queue holds nothing";
  queued = !wrong && verdict == SPP_GO && !s->policy.discard;
  if (!queued)
    s->operations->queue_abandon(s->operations->host);
  else if (hand_over(s, &id, &code) < 0)
    return -1;
  s->phase = PHASE_COMMAND;
  if (code) wrong = queue_reply(s, code);
  if (verdict == SPP_GO && wrong && rejected(s, wrong, id) < 0) return -1;
  if (s->policy.discard == DISCARD_POLICY && !wrong &&
      log_event(s, "discarded, as a policy server wants it:", 0, 0) < 0)
    return -1;
  if (queued && !wrong && s->policy.held.len) (void)log_event(s, "held:", "reason", s->policy.held.s);
  if (verdict == SPP_GO && !wrong) accepted(s, id);
  s->messages++;
  spp_reset(&s->spp);
  transaction_forget(s);
  return 0;
}

static int bad(session *s)
{
  s->operations->queue_abandon(s->operations->host);
  s->phase = PHASE_COMMAND;
  s->want = SESSION_CLOSE;
  return rejected(s, "550 5.6.0 a bare CR or LF in the message (it must end its lines with CRLF)", 0);
}

size_t message_feed(session *s, char const *bytes, size_t len)
{
  static char out[MESSAGE_CHUNK];
  int first = !s->data.size;
  size_t n;
  size_t took = data_decode(&s->data, bytes, len < sizeof out ? len : sizeof out, out, &n);

  if (s->config->databytes && s->data.size > s->config->databytes) s->too_big = 1;
  if (n && !s->too_big && put(s, out, n, first) < 0) s->failed = 1;
  if (s->data.state == DATA_END && !s->failed) s->failed = finish(s) < 0;
  if (s->data.state == DATA_BAD && !s->failed) s->failed = bad(s) < 0;
  return took;
}

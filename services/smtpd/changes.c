#include <errno.h>
#include <string.h>
#include <strings.h>

#include <runlib/intake.h>

#include "filters.h"
#include "path.h"

#define CHANGES_MAX 1000u        /* of a milter, a message */
#define BYTES_MAX   (256u << 10) /* of them, but of the body */
#define PIECE       32768u

/* The address of `<a@b>` or `a@b`. Returns 0; 1: it is none; -1: ENOMEM. */
static int scan_address(char const *text, stralloc *sa)
{
  char const *rest;
  path_wrong wrong = path_scan(text, 1, sa, &rest);

  return wrong == PATH_MEMORY ? -1 : wrong != PATH_OK;
}

/* The recipients, in the changes for the first time. */
static int own_envelope(session *s)
{
  changes *c = &s->filters->changes;

  if (c->made & CHANGED_RECIPIENTS) return 0;
  c->made |= CHANGED_RECIPIENTS;
  return stralloc_copy(&c->envelope, &s->envelope) ? 0 : -1;
}

/* Where the recipient stands in e; e->len: nowhere. What is behind the address was put there for $RELAYCLIENT. */
static size_t find(session const *s, stralloc const *e, stralloc const *address)
{
  char const *relay = relayclient(s);
  size_t at = 0, n = address->len;

  while (at < e->len && (strncasecmp(e->s + at + 1, address->s, n) ||
                         (e->s[at + 1 + n] && (!relay || strcmp(e->s + at + 1 + n, relay)))))
    at += strlen(e->s + at) + 1;
  return at;
}

static int change_recipients(session *s, char what, char const *text)
{
  stralloc address = STRALLOC_ZERO;
  stralloc *e = &s->filters->changes.envelope;
  int r = scan_address(text, &address);
  size_t at, n;

  if (!r && !address.len) r = 1;
  if (!r) r = own_envelope(s);
  if (!r)
  {
    at = find(s, e, &address);
    n = at < e->len ? strlen(e->s + at) + 1 : 0;
    if (what == ANSWER_DELETE)
    {
      if (n) memmove(e->s + at, e->s + at + n, e->len - at - n);
      e->len -= n;
    }
    else if (!n && (!stralloc_catb(e, "T", 1) || !stralloc_catb(e, address.s, address.len) || !stralloc_0(e)))
      r = -1;
  }
  stralloc_free(&address);
  return r;
}

static int change_header(session *s, milter_answer const *a, int spaced)
{
  changes *c = &s->filters->changes;

  if (!(c->made & CHANGED_HEADER))
  {
    if (fields_copy(&c->header, &s->filters->header) < 0) return -1;
    c->made |= CHANGED_HEADER;
  }
  if (a->what == ANSWER_ADD_HEADER) return fields_add(&c->header, a->text, a->value, spaced);
  return (a->what == ANSWER_INSERT_HEADER ? fields_insert : fields_change)(&c->header, a->index, a->text,
                                                                           a->value, spaced);
}

/* The first of it begins the message anew; CRs are the lines' ends. */
static int change_body(session *s, char const *bytes, size_t len)
{
  operations const *e = s->operations;
  changes *c = &s->filters->changes;

  if (!(c->made & CHANGED_BODY))
  {
    if (e->queue_again(e->host) < 0) return -1;
    c->made |= CHANGED_BODY;
    c->size = 0;
    c->last = '\n';
  }
  c->size += len;
  if (c->size > (s->config->databytes ? s->config->databytes : INTAKE_MESSAGE)) return 1;
  while (len)
  {
    char const *cr = memchr(bytes, '\r', len);
    size_t n = cr ? (size_t)(cr - bytes) : len;
    if (n) e->queue_put(e->host, bytes, n);
    if (n) c->last = bytes[n - 1];
    bytes += n + (cr != 0);
    len -= n + (cr != 0);
  }
  return 0;
}

int changes_note(session *s, unsigned int i, milter_answer const *a)
{
  changes *c = &s->filters->changes;
  int spaced = !!(s->filters->of[i].agreed.steps & STEP_SPACE);

  if (a->what == ANSWER_BODY) return change_body(s, a->data, a->len);
  c->bytes += strlen(a->text) + strlen(a->value);
  if (++c->n > CHANGES_MAX || c->bytes > BYTES_MAX) return 1;
  switch (a->what)
  {
    case ANSWER_SENDER: c->made |= CHANGED_SENDER; return scan_address(a->text, &c->from);
    case ANSWER_ADD:
    case ANSWER_ADD_PARAMETER:
    case ANSWER_DELETE: return change_recipients(s, a->what, a->text);
    case ANSWER_QUARANTINE:
      c->made |= CHANGED_HOLD;
      return stralloc_copys(&c->why, *a->text ? a->text : "a filter wants it") && stralloc_0(&c->why) ? 0
                                                                                                      : -1;
    default: return change_header(s, a, spaced);
  }
}

static void forget(changes *c)
{
  c->made = c->n = 0;
  c->bytes = 0;
}

int changes_drop(session *s)
{
  operations const *e = s->operations;
  changes *c = &s->filters->changes;
  int r = c->made & CHANGED_BODY ? e->queue_settle(e->host, 0) : 0;

  forget(c);
  return r;
}

static void swap(stralloc *x, stralloc *y)
{
  stralloc const z = *x;
  *x = *y;
  *y = z;
}

/* A message that nobody is left for goes nowhere. */
static int count(session *s)
{
  s->recipients = 0;
  for (size_t at = 0; at < s->envelope.len; at += strlen(s->envelope.s + at) + 1) s->recipients++;
  if (s->recipients) return 0;
  s->policy.discard = DISCARD_MILTER;
  return log_event(s, "discarded:", "reason", "milters left no recipient");
}

/* What holds it says why, where `mailctl queue show` shows it. */
static int commit_hold(session *s, unsigned int i)
{
  struct filters_s *x = s->filters;
  int r = fields_insert(&x->header, 0, "X-Quarantine", x->changes.why.s, 0);

  x->of[i].refused = 1;
  x->changed |= CHANGED_HEADER;
  return r < 0 ? -1 : message_hold(s, x->changes.why.s);
}

int changes_commit(session *s, unsigned int i)
{
  struct filters_s *x = s->filters;
  operations const *e = s->operations;
  changes *c = &x->changes;
  fields const header = x->header;

  x->changed |= c->made;
  if (c->made & CHANGED_HEADER) x->header = c->header, c->header = header;
  if (c->made & CHANGED_SENDER) swap(&s->from, &c->from);
  if (c->made & CHANGED_RECIPIENTS) swap(&s->envelope, &c->envelope);
  if (c->made & CHANGED_RECIPIENTS && count(s) < 0) return -1;
  if (c->made & CHANGED_BODY)
  {
    if (c->last != '\n') e->queue_put(e->host, "\n", 1);
    x->body = 0;
    if (e->queue_settle(e->host, 1) < 0) return -1;
  }
  if (c->made & CHANGED_HOLD && commit_hold(s, i) < 0) return -1;
  forget(c);
  return 0;
}

int changes_write(session *s)
{
  static char piece[PIECE];
  struct filters_s *x = s->filters;
  operations const *e = s->operations;
  uint64_t at = x->body;
  long n;

  if (e->queue_again(e->host) < 0) return -1;
  e->queue_put(e->host, x->header.text.s, x->header.end);
  e->queue_put(e->host, "\n", 1);
  while ((n = e->queue_read(e->host, at, piece, sizeof piece)) > 0)
  {
    e->queue_put(e->host, piece, (size_t)n);
    at += (uint64_t)n;
  }
  return n < 0 ? -1 : e->queue_settle(e->host, 1);
}

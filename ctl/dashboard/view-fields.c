#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <ctl/dashboard/level.h>
#include <ctl/dashboard/view-internal.h>

/* --- the level ----------------------------------------------------------------------------------- */

static style level_style(status_value const *level)
{
  if (level->known != KNOWN) return level->known == NONE ? STYLE_DIM : STYLE_NOTE;
  return !level->n ? STYLE_GOOD : level->n == 1 ? STYLE_NOTE : STYLE_BAD;
}

/* How much of text stands in its first line. */
static size_t line_end(char const *text, int cols)
{
  size_t n = strlen(text);

  if (n <= (size_t)cols) return n;
  n = (size_t)cols;
  while (n && text[n] != ' ') n--;
  return n ? n : (size_t)cols;
}

int view_wrapped(char const *text, int cols)
{
  int rows = 0;

  for (; cols > 0 && *text; rows++)
  {
    text += line_end(text, cols);
    while (*text == ' ') text++;
  }
  return rows;
}

void view_draw_wrapped(canvas *c, rect r, style s, char const *text)
{
  for (int row = 0; row < r.rows && *text; row++)
  {
    /* The last line has the rest, cut at its end. */
    size_t n = row + 1 < r.rows ? line_end(text, r.cols) : strlen(text);
    canvas_text(c, r.row + row, r.col, r.cols, s, text, n, 0);
    text += n;
    while (*text == ' ') text++;
  }
}

static char const *level_words(snapshot const *s)
{
  return s->overload.level.known == NONE    ? "no monitor"
         : s->overload.level.known == KNOWN ? (s->overload.state.known == KNOWN ? s->overload.state.text : "")
                                            : "unknown";
}

static void capitals(char *s, size_t max, char const *text)
{
  size_t i = 0;

  for (; text[i] && i + 1 < max; i++)
    s[i] = (char)(text[i] >= 'a' && text[i] <= 'z' ? text[i] - 32 : text[i]);
  s[i] = 0;
}

/* Since when, who says so, and why. */
static void draw_reason(canvas *c, rect r, snapshot const *s)
{
  char words[FIELD_WORDS];
  char line[FIELD_WORDS + 16];
  int row = 0;

  if (s->overload.since.known == KNOWN && row < r.rows)
  {
    snprintf(line, sizeof line, "for %s", snapshot_human(words, s, &s->overload.since));
    canvas_say(c, r.row + row++, r.col, r.cols, STYLE_PLAIN, line);
  }
  if (s->overload.maker.known == KNOWN && strcmp(s->overload.maker.text, "monitor") && row < r.rows)
  {
    snprintf(line, sizeof line, "%s", s->overload.maker.text);
    if (s->overload.until.known == KNOWN)
      snprintf(line, sizeof line, "%s, ends %s", s->overload.maker.text,
               snapshot_human(words, s, &s->overload.until));
    canvas_say(c, r.row + row++, r.col, r.cols, STYLE_NOTE, line);
  }
  if (s->overload.reason.known == KNOWN && row < r.rows)
    view_draw_wrapped(c, (rect){r.row + row, r.col, r.rows - row, r.cols}, STYLE_PLAIN,
                      s->overload.reason.text);
}

static void draw_level_line(canvas *c, rect r, snapshot const *s)
{
  char text[512];
  style look = level_style(&s->overload.level);
  int col;

  snprintf(text, sizeof text, "overload: %s", level_words(s));
  col = 2 + canvas_say(c, r.row, 1, r.cols - 1, look, text);
  if (s->overload.reason.known == KNOWN)
    col += 1 + canvas_say(c, r.row, col, r.cols - col, STYLE_PLAIN, s->overload.reason.text);
  if (s->queue.backlog.known == KNOWN && col < r.cols)
  {
    char words[FIELD_WORDS];
    snprintf(text, sizeof text, "backlog %s", snapshot_human(words, s, &s->queue.backlog));
    canvas_say(c, r.row, col + 1, r.cols - col - 1, STYLE_PLAIN, text);
  }
}

unsigned int view_failed(char *names, size_t max, snapshot const *s)
{
  service_fields const *f = snapshot_services(s);
  unsigned int failed = 0;
  size_t len = 0;

  *names = 0;
  for (size_t n = snapshot_count(s); n; n--, f++)
  {
    if (f->is != STATE_FAILED && f->is != STATE_FAILED_RETRYING) continue;
    if (len < max) len += (size_t)snprintf(names + len, max - len, "%s%s", failed ? ", " : "", f->id);
    failed++;
  }
  return failed;
}

/* A word as large as r is. Returns the rows that it takes. */
static int draw_alarm(canvas *c, rect r, char const *word)
{
  int high = r.rows / LEVEL_ROWS;
  int wide = 2 * high;

  while (wide && level_width(word, wide) >= r.cols) wide--;
  if (!high || !wide)
  {
    canvas_say(c, r.row, r.col + 1, r.cols - 1, STYLE_BAD, word);
    return 1;
  }
  level_draw(c, (rect){r.row, r.col + 1, r.rows, r.cols - 1}, STYLE_BAD, word, high, wide);
  return LEVEL_ROWS * high;
}

/* The digit; beside it the word, as large as fits, and below that what else there is to say. */
void view_draw_level(canvas *c, rect r, snapshot const *s)
{
  status_value const *level = &s->overload.level;
  style look = level_style(level);
  char digit[2] = {level->known == KNOWN && level->n < 10 ? (char)('0' + level->n) : '?', 0};
  char word[32];
  char failed[256];
  int scale;
  rect side;

  if (r.rows <= 0) return;
  /* A flag that nobody looks at is no level. */
  if (!s->running)
  {
    draw_alarm(c, r, "DOWN");
    return;
  }
  /* That strangers are let in is no news beside a service that is not there. */
  if (r.rows >= LEVEL_ROWS && (level->known != KNOWN || !level->n) && view_failed(failed, sizeof failed, s))
  {
    int used = draw_alarm(c, r, "FAILED");
    view_draw_wrapped(c, (rect){r.row + used, r.col + 1, r.rows - used, r.cols - 1}, STYLE_BAD, failed);
    return;
  }
  if (r.rows < LEVEL_ROWS)
  {
    draw_level_line(c, r, s);
    return;
  }
  scale = level_scale(digit, (rect){0, 0, r.rows, r.cols / 2});
  if (!scale) scale = 1;
  level_draw(c, (rect){r.row, r.col + 1, r.rows, r.cols - 1}, look, digit, scale, 2 * scale);
  side = (rect){r.row, r.col + 1 + 6 * scale + 2, r.rows, r.cols - 6 * scale - 4};
  capitals(word, sizeof word, level_words(s));
  if (scale > 1 && level_width(word, 1) <= side.cols)
  {
    level_draw(c, side, look, word, 1, 1);
    side.row += LEVEL_ROWS + 1;
    side.rows -= LEVEL_ROWS + 1;
  }
  else
  {
    canvas_say(c, side.row, side.col, side.cols, look, word);
    side.row++;
    side.rows--;
  }
  draw_reason(c, side, s);
}

/* --- numbers ------------------------------------------------------------------------------------- */

/* Fields are named by their place in a snapshot, so that one that is renamed or goes does not compile. */
typedef struct group_s group;
struct group_s
{
  char const *name;
  size_t at[9]; /* 0 ends it */
};

#define AT(MEMBER) offsetof(snapshot, MEMBER)
#define SMTP(WHO)                                                                                            \
  AT(WHO.connections), AT(WHO.limit), AT(WHO.messages.minute), AT(WHO.refused.minute),                       \
      AT(WHO.auth_bad.total), AT(WHO.turned_away), 0

static group const groups[] = {
    {"queue", {AT(queue.backlog), AT(queue.oldest), AT(queue.messages), AT(queue.failed), AT(queue.free), 0}},
    {"outbound",
     {AT(outbound.waiting), AT(outbound.running), AT(outbound.sent_per_minute),
      AT(outbound.bounced_per_minute), 0}},
    {"smtpd", {SMTP(smtpd)}},
    {"submission", {SMTP(submission)}},
    {"tls", {AT(tls.sessions), AT(tls.begun), AT(tls.failed), AT(tls.refused), AT(tls.days_left), 0}},
    {"rater", {AT(rater.checks_per_second), AT(rater.refused), AT(rater.keys), AT(rater.room), 0}},
    {"policy",
     {AT(policy.questions), AT(policy.refused), AT(policy.tempfailed), AT(policy.greylisted),
      AT(policy.entries), AT(policy.unusable_lists), AT(policy.dns_failed), 0}},
};
#define GROUPS (sizeof groups / sizeof groups[0])

/* Whether the bundle has such a thing at all. */
static int group_is(group const *g, snapshot const *s)
{
  for (size_t const *at = g->at; *at; at++)
    if (((status_value const *)((char const *)s + *at))->known != NONE) return 1;
  return 0;
}

int view_fields(snapshot const *s)
{
  int n = 0;

  for (size_t i = 0; i < GROUPS; i++) n += group_is(groups + i, s);
  return n;
}

static style number_style(status_field const *f, status_value const *d)
{
  if (d->known != KNOWN) return STYLE_DIM;
  if (f->at == AT(queue.failed) && d->n) return STYLE_BAD;
  if (f->at == AT(tls.days_left) && d->n < 14) return d->n ? STYLE_NOTE : STYLE_BAD;
  return STYLE_BOLD;
}

static void draw_group(canvas *c, rect r, group const *g, snapshot const *s)
{
  char words[FIELD_WORDS];
  int end = r.col + r.cols;
  int col = 1 + canvas_say(c, r.row, r.col + 1, r.cols - 1, STYLE_HEAD, g->name);

  if (col < 11) col = 11;
  for (size_t const *at = g->at; *at; at++)
  {
    status_field const *f = status_field_at(FIELD_BUNDLE, *at);
    status_value const *d = f ? status_field_value(f, s) : 0;
    char const *text;
    int width;
    if (!d || d->known == NONE) continue;
    text = status_field_human(words, f, d, &s->now);
    width = (int)(strlen(f->title) + 1 + strlen(text));
    if (col + 2 + width > end) return;
    col += 2 + canvas_say(c, r.row, col + 2, width, STYLE_DIM, f->title) + 1;
    col += canvas_say(c, r.row, col, width, number_style(f, d), text);
  }
}

void view_draw_facts(canvas *c, rect r, snapshot const *s)
{
  int row = 0;

  for (size_t i = 0; i < GROUPS && row < r.rows; i++)
    if (group_is(groups + i, s)) draw_group(c, (rect){r.row + row++, r.col, 1, r.cols}, groups + i, s);
}

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <ctl/dashboard/view-internal.h>

/* --- the title ----------------------------------------------------------------------------------- */

static char const *text_of(status_value const *d)
{
  return d->known == KNOWN ? d->text : "unknown";
}

/* What FAILED; else with how many are held down by command: all that is wanted may be well. */
static void say_health(char *text, size_t max, snapshot const *s)
{
  service_fields const *f = snapshot_services(s);
  unsigned int stopped = 0;
  char names[24];
  unsigned int failed = view_failed(names, sizeof names, s);

  if (failed && s->running)
  {
    if (failed > 1)
      snprintf(text, max, "%u FAILED", failed);
    else
      snprintf(text, max, "%s FAILED", names);
    return;
  }
  for (size_t n = snapshot_count(s); n; n--, f++) stopped += f->is == STATE_STOPPED && !f->wanted_now;
  if (stopped && s->running)
    snprintf(text, max, "%s, %u stopped", text_of(&s->health), stopped);
  else
    snprintf(text, max, "%s", text_of(&s->health));
}

/* Narrow terminals lose the generation, then the supervisor, the program's name, the host's: the health stays. */
#define TITLES 5
static int say_title(char *text, size_t max, view const *v, int less)
{
  snapshot const *s = v->s;
  char health[64];
  char const *supervisor = text_of(&s->supervisor.state);

  say_health(health, sizeof health, s);
  switch (less)
  {
    case 0:
      return snprintf(text, max, " mailctl  %s  supervisor %s  generation %" PRIu64 "  %s", v->hostname,
                      supervisor, s->generation.known == KNOWN ? s->generation.n : 0, health);
    case 1: return snprintf(text, max, " mailctl  %s  supervisor %s  %s", v->hostname, supervisor, health);
    case 2: return snprintf(text, max, " mailctl  %s  %s", v->hostname, health);
    case 3: return snprintf(text, max, " %s  %s", v->hostname, health);
    default: return snprintf(text, max, " %s", health);
  }
}

static void draw_title(canvas *c, rect r, view const *v)
{
  char text[512];
  char now[DASH_CLOCK];
  int less = 0;
  int len;

  canvas_fill(c, r, STYLE_BAR, L' ');
  while ((len = say_title(text, sizeof text, v, less)) + 10 > r.cols && less < TITLES - 1) less++;
  canvas_say(c, r.row, r.col, r.cols, STYLE_BAR, text);
  dash_clock(now, &v->s->now, 0);
  if (len + 10 <= r.cols) canvas_say(c, r.row, r.cols - 9, 8, STYLE_BAR, now);
}

/* --- the keys ------------------------------------------------------------------------------------ */

typedef struct hint_s hint;
struct hint_s
{
  char const *key;
  char const *what;
  int keep; /* those with the smallest go first where the terminal is narrow */
};

static hint const overview_hints[] = {
    {"jk", "move", 1}, {"Enter", "detail", 3}, {"r", "restart", 6}, {"u", "up", 7},    {"d", "down", 8},
    {"o", "hold", 5},  {"l", "log", 4},        {"/", "filter", 2},  {"?", "help", 10}, {"q", "quit", 11},
    {0, 0, 0}};
static hint const detail_hints[] = {
    {"Esc", "back", 9}, {"jk", "scroll", 1}, {"r", "restart", 6}, {"u", "up", 7},    {"d", "down", 8},
    {"o", "hold", 5},   {"l", "log", 4},     {"?", "help", 10},   {"q", "quit", 11}, {0, 0, 0}};
static hint const log_hints[] = {
    {"Esc", "back", 9}, {"jk", "scroll", 3}, {"g", "begin", 1}, {"G", "follow", 4}, {"/", "search", 8},
    {"n", "older", 6},  {"N", "newer", 5},   {"?", "help", 10}, {"q", "quit", 11},  {0, 0, 0}};
static hint const help_hints[] = {{"Esc", "back", 9}, {"jk", "scroll", 1}, {"q", "quit", 11}, {0, 0, 0}};
static hint const *const hints[] = {[PAGE_OVERVIEW] = overview_hints,
                                    [PAGE_DETAIL] = detail_hints,
                                    [PAGE_LOG] = log_hints,
                                    [PAGE_HELP] = help_hints};

static int hints_width(hint const *h, int least, int gap)
{
  int sum = -gap;

  for (; h->key; h++)
    if (h->keep >= least) sum += (int)(strlen(h->key) + 1 + strlen(h->what)) + gap;
  return sum;
}

static void draw_keys(canvas *c, rect r, hint const *h)
{
  int gap = hints_width(h, 0, 2) <= r.cols - 2 ? 2 : 1;
  int least = 0;
  int col = r.col + 1;

  canvas_fill(c, r, STYLE_BAR, L' ');
  while (least < 12 && hints_width(h, least, gap) > r.cols - 2) least++;
  for (; h->key; h++)
  {
    if (h->keep < least) continue;
    col += canvas_say(c, r.row, col, r.cols - col, STYLE_CHOSEN, h->key) + 1;
    col += canvas_say(c, r.row, col, r.cols - col, STYLE_BAR, h->what) + gap;
  }
}

/* --- the message --------------------------------------------------------------------------------- */

static void draw_warning(canvas *c, rect r, snapshot const *s)
{
  warning_fields const *w = s->warnings;
  char of[WARNING_OF];
  char when[DASH_CLOCK];
  int col;

  if (!s->nwarnings) return;
  dash_clock(when, &w->time, &s->now);
  col = 1 + canvas_say(c, r.row, 1, r.cols - 1, STYLE_DIM, when) + 1;
  col += canvas_say(c, r.row, col, r.cols - col, STYLE_NOTE, snapshot_warning_of(of, w));
  canvas_say(c, r.row, col, r.cols - col, STYLE_PLAIN, w->text);
}

/* What is to be said, the most urgent; of notes all, one after the other. 0: nothing. */
#define MESSAGE 1024
static char const *message_of(char text[MESSAGE], style *look, view const *v)
{
  char question[UI_QUESTION];

  *look = STYLE_NOTE;
  if (*ui_question(question, v->u))
  {
    if (v->u->mode == UI_KEYS) *look = STYLE_DIM;
    snprintf(text, MESSAGE, "%s", question);
    return text;
  }
  if (*v->said) return v->said;
  *look = STYLE_BAD;
  if (!v->s->running) return "the bundle is not running: u brings everything up";
  if (!*v->notes) return 0;
  snprintf(text, MESSAGE, "%.*s", (int)strcspn(v->notes, "\n"), v->notes);
  for (char const *next = strchr(v->notes, '\n'); next && next[1]; next = strchr(next + 1, '\n'))
  {
    size_t len = strlen(text);
    snprintf(text + len, MESSAGE - len, "; %.*s", (int)strcspn(next + 1, "\n"), next + 1);
  }
  return text;
}

int view_message_rows(view const *v, int cols)
{
  char buf[MESSAGE];
  style look;
  char const *text = message_of(buf, &look, v);

  return text ? view_wrapped(text, cols - 1) : 1;
}

static void draw_message(canvas *c, rect r, view const *v)
{
  char buf[MESSAGE];
  style look;
  char const *text = message_of(buf, &look, v);

  if (text)
    view_draw_wrapped(c, (rect){r.row, 1, r.rows, r.cols - 1}, look, text);
  else
    draw_warning(c, r, v->s);
}

void view_draw_frame(canvas *c, layout const *l, view const *v)
{
  draw_title(c, l->title, v);
  /* Where there is no line for them, what is asked stands in the place of the keys. */
  draw_keys(c, l->keys, hints[v->u->page]);
  if (l->message.rows)
    draw_message(c, l->message, v);
  else if (v->u->mode != UI_KEYS)
  {
    canvas_fill(c, l->keys, STYLE_PLAIN, L' ');
    draw_message(c, l->keys, v);
  }
}

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <ctl/dashboard/view-internal.h>

/* --- the title ----------------------------------------------------------------------------------- */

static char const *text_of(datum const *d)
{
  return d->known == KNOWN ? d->text : "unknown";
}

static void clock_text(char s[16], tain const *now)
{
  struct timespec ts;
  struct tm tm;

  if (!timespec_sysclock_from_tain(&ts, now) || !localtime_r(&ts.tv_sec, &tm) ||
      !strftime(s, 16, "%H:%M:%S", &tm))
    *s = 0;
}

/* With how many are held down by command: all that is wanted may be well. */
static void say_health(char *text, size_t max, snapshot const *s)
{
  service_facts const *f = snapshot_services(s);
  unsigned int stopped = 0;

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
  char now[16];
  int less = 0;
  int len;

  canvas_fill(c, r, STYLE_BAR, L' ');
  while ((len = say_title(text, sizeof text, v, less)) + 10 > r.cols && less < TITLES - 1) less++;
  canvas_say(c, r.row, r.col, r.cols, STYLE_BAR, text);
  clock_text(now, &v->s->now);
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
  warning_facts const *w = s->warnings;
  char of[WARNING_OF];
  char now[16];
  int col;

  if (!s->nwarnings) return;
  clock_text(now, &w->time);
  col = 1 + canvas_say(c, r.row, 1, 8, STYLE_DIM, now) + 1;
  col += canvas_say(c, r.row, col, r.cols - col, STYLE_NOTE, snapshot_warning_of(of, w));
  canvas_say(c, r.row, col, r.cols - col, STYLE_PLAIN, w->text);
}

static void draw_message(canvas *c, rect r, view const *v)
{
  char question[UI_QUESTION];

  if (*ui_question(question, v->u))
    canvas_say(c, r.row, 1, r.cols - 1, v->u->mode == UI_KEYS ? STYLE_DIM : STYLE_NOTE, question);
  else if (*v->said)
    canvas_say(c, r.row, 1, r.cols - 1, STYLE_NOTE, v->said);
  else if (v->s->alone && v->s->running)
    canvas_say(c, r.row, 1, r.cols - 1, STYLE_BAD,
               "the supervisor was killed, and what it ran runs on: u puts it under a new one");
  else if (!v->s->running)
    canvas_say(c, r.row, 1, r.cols - 1, STYLE_BAD, "the bundle is not running: u brings everything up");
  else if (*v->notes)
    canvas_text(c, r.row, 1, r.cols - 1, STYLE_BAD, v->notes, strcspn(v->notes, "\n"), 0);
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

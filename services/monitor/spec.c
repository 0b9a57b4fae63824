#include <string.h>

#include <services/contract/section.h>

#include "spec.h"

static int worse(gauge_number g, uint64_t a, uint64_t b)
{
  return gauges[g].low ? a < b : a > b;
}

uint64_t spec_leave(gauge_number g, uint64_t enter)
{
  if (!gauges[g].low) return enter / 2;
  return enter > UINT64_MAX / 2 ? UINT64_MAX : 2 * enter;
}

char const *spec_wrong(gauge_number g, threshold const t[LEVELS])
{
  for (unsigned int i = 0; i < LEVELS; i++)
    if (t[i].used && worse(g, t[i].leave, t[i].enter))
      return gauges[g].low ? "what ends it must be more than what begins it"
                           : "what ends it must be less than what begins it";
  if (t[0].used && t[1].used && worse(g, t[0].enter, t[1].enter))
    return gauges[g].low ? "severe must begin lower than the level below it"
                         : "severe must begin higher than the level below it";
  return 0;
}

/* One word of a list, NUL-terminated; 0: there is none, or it is too long to be a number or a name here. */
static int next(char const **text, char *word, size_t max)
{
  char const *w;
  size_t n = list_word(text, &w);

  if (!n || n >= max) return 0;
  memcpy(word, w, n);
  word[n] = 0;
  return 1;
}

#define WORD 40

/* Reads a number if there is one, and moves on: 1; else leaves *text: 0. */
static int number(char const **text, key_type type, uint64_t *n)
{
  key const k = {.name = "", .type = type};
  char const *at = *text;
  char word[WORD];

  if (!next(&at, word, sizeof word) || key_number(&k, word, n)) return 0;
  *text = at;
  return 1;
}

static uint64_t in_unit(gauge_number g, uint64_t n)
{
  return g == GAUGE_OLDEST ? n / 1000 : n;
}

static char const *bounds(threshold *t, gauge_number g, key_type type, char const **text)
{
  uint64_t n;

  if (!number(text, type, &n)) return "not ENTER [LEAVE] [severe ENTER [LEAVE]] [dwell UP DOWN]";
  t->used = 1;
  t->enter = in_unit(g, n);
  t->leave = number(text, type, &n) ? in_unit(g, n) : spec_leave(g, t->enter);
  return 0;
}

static char const *dwell(threshold t[LEVELS], char const **text)
{
  uint64_t up;
  uint64_t down;

  if (!number(text, KEY_TIME, &up) || !number(text, KEY_TIME, &down)) return "dwell is followed by two times";
  for (unsigned int i = 0; i < LEVELS; i++) t[i].up = up, t[i].down = down;
  return 0;
}

char const *spec_parse(threshold t[LEVELS], gauge_number g, key_type type, char const *text)
{
  char const *wrong = bounds(&t[0], g, type, &text);
  char word[WORD];

  while (!wrong && text[strspn(text, " \t,")])
  {
    if (!next(&text, word, sizeof word))
      wrong = "too long";
    else if (!strcmp(word, "severe") && !t[1].used)
      wrong = bounds(&t[1], g, type, &text);
    else if (!strcmp(word, "dwell"))
      wrong = dwell(t, &text);
    else
      wrong = "not ENTER [LEAVE] [severe ENTER [LEAVE]] [dwell UP DOWN]";
  }
  return wrong ? wrong : spec_wrong(g, t);
}

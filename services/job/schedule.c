#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <services/contract/service.h>

#include "schedule.h"

#define WRONG_FORM "write daily 03:30, weekly sunday 03:30, monthly 1 03:30, or every 15m"
#define WRONG_TIME "the time of day is HH:MM, from 00:00 to 23:59"
#define WORDS      3

/* The words of text; one too many counts as well. */
static int schedule_words(char word[WORDS][32], char const *text)
{
  int n = 0;

  for (size_t len; *(text += strspn(text, " \t")); text += len, n++)
  {
    len = strcspn(text, " \t");
    if (n == WORDS || len >= sizeof word[0]) return WORDS + 1;
    memcpy(word[n], text, len);
    word[n][len] = 0;
  }
  return n;
}

/* Returns 0 to max, or -1: not a number of at most two digits. */
static int schedule_number(char const *s, char const *end, int max)
{
  int n = 0;

  if (s == end || end - s > 2) return -1;
  for (; s < end; s++)
  {
    if (*s < '0' || *s > '9') return -1;
    n = 10 * n + *s - '0';
  }
  return n <= max ? n : -1;
}

static char const *schedule_time(stralloc *sa, char const *s)
{
  char const *colon = strchr(s, ':');
  int hour = colon ? schedule_number(s, colon, 23) : -1;
  int minute = hour < 0 ? -1 : schedule_number(colon + 1, s + strlen(s), 59);

  if (minute < 0) return WRONG_TIME;
  return service_append(sa, "-H%d -M%d", hour, minute) < 0 ? "out of memory" : 0;
}

/* 0 (sunday) to 6, by the whole name or its first three letters; -1: not a day. */
static int schedule_day(char const *s)
{
  static char const *const days[] = {"sunday",   "monday", "tuesday", "wednesday",
                                     "thursday", "friday", "saturday"};

  for (int i = 0; i < 7; i++)
    if (!strcasecmp(s, days[i]) || (strlen(s) == 3 && !strncasecmp(s, days[i], 3))) return i;
  return -1;
}

/* snooze counts from a second behind the last start. */
static char const *schedule_every(stralloc *sa, char const *s)
{
  static key const every = {.name = "every", .type = KEY_TIME, .min = 1000, .max = 365ull * 86400000};
  uint64_t ms;
  char const *wrong = key_number(&every, s, &ms);

  if (wrong) return wrong;
  return service_append(sa, "-T%llu -H* -M* -S*", (unsigned long long)(ms / 1000 - 1)) < 0 ? "out of memory"
                                                                                           : 0;
}

char const *schedule_options(stralloc *sa, char const *text)
{
  char word[WORDS][32];
  int n = schedule_words(word, text);
  int day;

  if (n == 2 && !strcmp(word[0], "daily")) return schedule_time(sa, word[1]);
  if (n == 2 && !strcmp(word[0], "every")) return schedule_every(sa, word[1]);
  if (n == 3 && !strcmp(word[0], "weekly"))
  {
    day = schedule_day(word[1]);
    if (day < 0) return "the day of the week is sunday, monday and so on";
    return service_append(sa, "-w%d ", day) < 0 ? "out of memory" : schedule_time(sa, word[2]);
  }
  if (n == 3 && !strcmp(word[0], "monthly"))
  {
    day = schedule_number(word[1], word[1] + strlen(word[1]), 28);
    if (day < 1) return "the day of the month is 1 to 28, which every month has";
    return service_append(sa, "-d%d ", day) < 0 ? "out of memory" : schedule_time(sa, word[2]);
  }
  return WRONG_FORM;
}

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/strerr.h>

#include <services/spool/outlook.h>

#define SECOND 1000000U
#define PAUSE  (5 * SECOND)

void outlook_init(outlook *o, char const *counters)
{
  char const *slash = counters ? strrchr(counters, '/') : 0;
  char *file = 0;

  if (slash && asprintf(&file, "%.*s/destinations", (int)(slash - counters), counters) < 0) file = 0;
  *o = (outlook){.file = file};
  if (file) unlink(file);
}

static void outlook_write(outlook *o, schedule_view const *v)
{
  char text[SCHEDULE_WORST * 320];
  size_t n = 0;
  uint32_t h = 2166136261U;

  for (unsigned int i = 0; i < v->n; i++)
    n += (size_t)snprintf(text + n, sizeof text - n, "%.255s %u %u %llu\n", v->worst[i].host,
                          v->worst[i].waiting, v->worst[i].failures,
                          (unsigned long long)(v->worst[i].until / SECOND));
  for (size_t i = 0; i < n; i++) h = (h ^ (unsigned char)text[i]) * 16777619U;
  if (h == o->said) return;
  if (openwritenclose_suffix(o->file, text, n, ".new"))
    o->said = h;
  else
    strerr_warnwu2sys("write ", o->file);
}

uint64_t outlook_take(outlook *o, sender *s, uint64_t now)
{
  schedule_view v;

  if (!o->file) return UINT64_MAX;
  if (now < o->next && o->next <= now + PAUSE) return o->next;
  o->next = now + PAUSE;
  schedule_look(&s->schedule, &v);
  counter_set(s->counters[COUNT_DEFERRED], v.deferred);
  counter_set(s->counters[COUNT_OLDEST], v.oldest / SECOND);
  outlook_write(o, &v);
  return UINT64_MAX;
}

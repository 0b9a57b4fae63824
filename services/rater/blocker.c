#include <stdio.h>
#include <string.h>

#include <skalibs/djbunix.h>
#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>

#include "blocker.h"

static int is_loopback(net const *n)
{
  static char const *const own[] = {"127.0.0.1", "::1"};
  net loopback;

  for (unsigned int i = 0; i < 2; i++)
    if (nets_scan(own[i], &loopback) && nets_has(&loopback, n)) return 1;
  return 0;
}

/* By a name that nets_fmt wrote; 0: it is not there. */
static blocked *find(blocker const *b, char const *name)
{
  blocked *x = genalloc_s(blocked, &b->list);

  for (size_t n = genalloc_len(blocked, &b->list); n; n--, x++)
    if (!strcmp(x->name, name)) return x;
  return 0;
}

static void drop(blocker *b, blocked *x)
{
  size_t last = genalloc_len(blocked, &b->list) - 1;

  *x = genalloc_s(blocked, &b->list)[last];
  genalloc_setlen(blocked, &b->list, last);
}

/* A place for a new one; 0: out of memory. */
static blocked *take(blocker *b)
{
  static blocked const none = {.times = 0};
  blocked *x = genalloc_s(blocked, &b->list), *soonest = x;
  size_t n = genalloc_len(blocked, &b->list);

  if (n == BLOCKER_MAX)
  {
    for (; n; n--, x++)
      if (x->until < soonest->until) soonest = x;
    drop(b, soonest);
  }
  if (!genalloc_append(blocked, &b->list, &none)) return 0;
  return genalloc_s(blocked, &b->list) + genalloc_len(blocked, &b->list) - 1;
}

static void blocker_write(blocker *b)
{
  stralloc text = STRALLOC_ZERO;
  blocked const *x = genalloc_s(blocked, &b->list);
  int ok = 1;

  for (size_t n = genalloc_len(blocked, &b->list); n && ok; n--, x++)
  {
    char line[2 * NET_FMT + BLOCK_TIME + CLASS_NAME_MAX], until[BLOCK_TIME];
    block_time(until, x->until);
    snprintf(line, sizeof line, "%s block %s %s (%u)\n", x->name, until, x->class, x->times);
    ok = stralloc_cats(&text, line);
  }
  if (!ok || !openwritenclose_suffix(b->file, text.s, text.len, ".new")) strerr_warnwusys("write ", b->file);
  stralloc_free(&text);
}

static void recall(void *data, block const *one, unsigned int line)
{
  blocker *b = data;
  blocked x;

  (void)line;
  if (!one || one->pass || genalloc_len(blocked, &b->list) == BLOCKER_MAX ||
      sscanf(one->reason, "%32s (%u)", x.class, &x.times) != 2)
    return;
  nets_fmt(x.name, &one->net);
  x.until = one->net.until;
  if (!find(b, x.name) && !genalloc_append(blocked, &b->list, &x)) strerr_warnwusys("remember ", x.name);
}

void blocker_open(blocker *b, char const *file)
{
  b->file = file;
  if (block_read(file, &recall, b) < 0) strerr_warnwusys("read ", file);
}

static uint64_t span_of(class const *c, uint32_t times)
{
  uint64_t span = c->block_first;

  while (times-- > 1 && span < c->block_most) span *= 2;
  return span < c->block_most ? span : c->block_most;
}

/* Reads name as a network and writes it in its one form. Returns 1, or 0: it is none, or loopback. */
static int name_scan(char *to, char const *name, size_t n)
{
  char text[NET_FMT];
  net addresses;

  if (n >= sizeof text) return 0;
  memcpy(text, name, n);
  text[n] = 0;
  if (!nets_scan(text, &addresses) || is_loopback(&addresses)) return 0;
  nets_fmt(to, &addresses);
  return 1;
}

void blocker_add(blocker *b, class const *c, char const *name, size_t n, uint64_t now)
{
  char text[NET_FMT], until[BLOCK_TIME];
  blocked *x;

  if (!b->file || !name_scan(text, name, n)) return;
  x = find(b, text);
  if (x && x->until + c->block_most < now) x->times = 0;
  if (!x) x = take(b);
  if (!x) return;
  memcpy(x->name, text, sizeof text);
  memcpy(x->class, c->name, sizeof x->class);
  x->times++;
  x->until = now + span_of(c, x->times);
  blocker_write(b);
  block_time(until, x->until);
  strerr_warni("blocked  ", c->name, " ", text, " until ", until);
}

void blocker_forget(blocker *b, class const *c, char const *name, size_t n, uint64_t now)
{
  char text[NET_FMT];
  blocked *x;

  if (!b->file || !name_scan(text, name, n)) return;
  x = find(b, text);
  if (!x || strcmp(x->class, c->name)) return;
  if (x->until > now) strerr_warni("unblocked ", c->name, " ", text);
  drop(b, x);
  blocker_write(b);
}

void blocker_free(blocker *b)
{
  genalloc_free(blocked, &b->list);
}

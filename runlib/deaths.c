#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <skalibs/djbunix.h>

#include <runlib/deaths.h>

#define FILE_MAX 4096

static char const *const names[] = {"-", "retrying", "failed"};

unsigned int deaths_add(deaths *d, death const *one)
{
  unsigned int pause;

  if (d->n == DEATHS_MAX) memmove(d->list, d->list + 1, --d->n * sizeof *d->list);
  d->list[d->n++] = *one;
  d->consecutive = one->lived < DEATHS_SHORT ? d->consecutive + 1 : 1;
  if (one->exit == DEATHS_NEVER)
  {
    d->state = DEATHS_FAILED;
    return 0;
  }
  d->state = d->consecutive >= DEATHS_RETRYING ? DEATHS_TRYING : DEATHS_NONE;
  if (d->consecutive < 3) return 0;
  pause = d->consecutive - 3 < 6 ? 1000u << (d->consecutive - 3) : DEATHS_PAUSE_MAX;
  return pause < DEATHS_PAUSE_MAX ? pause : DEATHS_PAUSE_MAX;
}

static int scan_death(death *one, char const *line)
{
  size_t n = timestamp_scan(line, &one->when);

  return n && sscanf(line + n, " %u %u %" SCNu64, &one->exit, &one->signal, &one->lived) == 3;
}

static int scan(deaths *d, char *s)
{
  char name[16];
  char *next = strchr(s, '\n');

  if (!next || sscanf(s, "%15s %u", name, &d->consecutive) != 2) return (errno = EINVAL, -1);
  for (d->state = DEATHS_NONE; strcmp(names[d->state], name); d->state++)
    if (d->state == DEATHS_FAILED) return (errno = EINVAL, -1);
  for (d->n = 0, s = next + 1; d->n < DEATHS_MAX && (next = strchr(s, '\n')); s = next + 1, d->n++)
    if (!scan_death(d->list + d->n, s)) return (errno = EINVAL, -1);
  return 0;
}

int deaths_read(deaths *d, char const *file)
{
  char buf[FILE_MAX + 1];
  ssize_t n = openreadnclose(file, buf, FILE_MAX);

  memset(d, 0, sizeof *d);
  if (n < 0) return -1;
  buf[n] = 0;
  return scan(d, buf);
}

int deaths_write(deaths const *d, char const *file)
{
  char buf[FILE_MAX];
  size_t n = (size_t)snprintf(buf, sizeof buf, "%s %u\n", names[d->state], d->consecutive);

  for (unsigned int i = 0; i < d->n; i++)
  {
    n += timestamp_fmt(buf + n, &d->list[i].when);
    n += (size_t)snprintf(buf + n, sizeof buf - n, " %u %u %" PRIu64 "\n", d->list[i].exit, d->list[i].signal,
                          d->list[i].lived);
  }
  return openwritenclose_suffix(file, buf, n, ".new") ? 0 : -1;
}

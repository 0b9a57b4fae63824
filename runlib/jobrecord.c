#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/field.h>
#include <runlib/jobrecord.h>
#include <runlib/walk.h>

int jobrecord_read(jobrecord *r, char const *directory)
{
  char path[4096], bytes[512];
  char const *s = bytes;
  ssize_t n;
  size_t len;
  field f;

  memset(r, 0, sizeof *r);
  snprintf(path, sizeof path, "%s/last", directory);
  n = walk_read(AT_FDCWD, path, bytes, sizeof bytes);
  if (n < 0) return -1;
  for (len = (size_t)n; field_next(&f, &s, &len);)
    if (field_is(&f, "started"))
      r->started = field_number(&f);
    else if (field_is(&f, "running"))
      r->running = 1;
    else if (field_is(&f, "seconds"))
      r->seconds = field_number(&f);
    else if (field_is(&f, "failing"))
      r->failing = field_number(&f);
    else if (field_is(&f, "next"))
      r->next = field_number(&f);
    else if (field_is(&f, "result"))
      field_copy(&f, r->result, sizeof r->result - 1);
  return 0;
}

static int jobrecord_number(char *s, size_t max, char const *name, uint64_t n)
{
  return n ? snprintf(s, max, "%s %" PRIu64 "\n", name, n) : 0;
}

int jobrecord_write(jobrecord const *r, char const *directory)
{
  char path[4096], bytes[512];
  int n = jobrecord_number(bytes, sizeof bytes, "started", r->started);

  n += jobrecord_number(bytes + n, sizeof bytes - (size_t)n, "running", r->running != 0);
  n += jobrecord_number(bytes + n, sizeof bytes - (size_t)n, "seconds", r->seconds);
  n += jobrecord_number(bytes + n, sizeof bytes - (size_t)n, "failing", r->failing);
  n += jobrecord_number(bytes + n, sizeof bytes - (size_t)n, "next", r->next);
  if (*r->result) n += snprintf(bytes + n, sizeof bytes - (size_t)n, "result %s\n", r->result);
  snprintf(path, sizeof path, "%s/last", directory);
  return openwritenclose_suffix(path, bytes, (size_t)n, ".new") ? 0 : -1;
}

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/field.h>
#include <runlib/walk.h>

#include "overload-hold.h"
#include "overload-place.h"

static void parse_field(hold *h, field const *f)
{
  if (field_is(f, "level"))
    h->level = field_number(f) == 2 ? 2 : 1;
  else if (field_is(f, "since"))
    h->since = field_number(f);
  else if (field_is(f, "until"))
    h->until = field_number(f);
  else if (field_is(f, "by"))
    field_copy(f, h->by, HOLD_BY);
  else if (field_is(f, "reason"))
    field_copy(f, h->reason, OVERLOAD_REASON);
}

void hold_parse(hold *h, char const *bytes, size_t len)
{
  hold const blank = HOLD_ZERO;
  field f;

  *h = blank;
  if (!field_next(&f, &bytes, &len) || f.value_len) return;
  if (field_is(&f, "on"))
    h->kind = HOLD_ON;
  else if (field_is(&f, "off"))
    h->kind = HOLD_OFF;
  else
    return;
  h->level = h->kind == HOLD_ON;
  while (field_next(&f, &bytes, &len)) parse_field(h, &f);
  if (h->kind == HOLD_OFF) h->level = 0;
}

int hold_expired(hold const *h, uint64_t now)
{
  return h->kind != HOLD_AUTO && h->until && now >= h->until;
}

int hold_equal(hold const *a, hold const *b)
{
  return a->kind == b->kind && a->level == b->level && a->since == b->since && a->until == b->until &&
         !strcmp(a->reason, b->reason);
}

static int read_file(hold *h, char const *path)
{
  char buf[2 * HOLD_TEXT];
  ssize_t n = walk_read(AT_FDCWD, path, buf, sizeof buf);

  hold_parse(h, buf, n < 0 ? 0 : (size_t)n);
  return n < 0 && errno != ENOENT ? -1 : 0;
}

int hold_read(hold *h, char const *directory)
{
  char path[PLACE_PATH];

  hold_parse(h, "", 0);
  return place_path(path, directory, "hold") < 0 ? -1 : read_file(h, path);
}

int hold_write(hold const *h, char const *directory)
{
  char text[HOLD_TEXT];
  int n;

  if (h->kind == HOLD_AUTO) return place_remove(directory, "hold");
  n = snprintf(text, sizeof text, "%s\nlevel %u\nsince %" PRIu64 "\nuntil %" PRIu64 "\nby %s\nreason %s\n",
               h->kind == HOLD_ON ? "on" : "off", h->level, h->since, h->until, h->by, h->reason);
  if (n < 0 || (size_t)n >= sizeof text) return (errno = EINVAL, -1);
  return place_replace(directory, "hold", text, (size_t)n);
}

/* First out of the way: what came in its place goes back, unless there is yet another. */
int hold_remove(hold const *h, char const *directory)
{
  char path[PLACE_PATH];
  char away[PLACE_PATH];
  hold now;

  if (place_path(path, directory, "hold") < 0 || place_path(away, directory, ".hold") < 0) return -1;
  if (rename(path, away) < 0) return errno == ENOENT ? 0 : -1;
  if (read_file(&now, away) >= 0 && !hold_equal(&now, h) &&
      !renameat2(AT_FDCWD, away, AT_FDCWD, path, RENAME_NOREPLACE))
    return 0;
  return unlink(away);
}

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <skalibs/djbunix.h>

#include <runlib/field.h>

#include "hold.h"
#include "place.h"

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

int hold_read(hold *h, char const *folder)
{
  char path[PLACE_PATH];
  char buf[2 * HOLD_TEXT];
  ssize_t n;

  hold_parse(h, "", 0);
  if (place_path(path, folder, "hold") < 0) return -1;
  n = openreadnclose_nb(path, buf, sizeof buf);
  if (n < 0) return errno == ENOENT ? 0 : -1;
  hold_parse(h, buf, (size_t)n);
  return 0;
}

int hold_write(hold const *h, char const *folder)
{
  char text[HOLD_TEXT];
  int n;

  if (h->kind == HOLD_AUTO) return place_remove(folder, "hold");
  n = snprintf(text, sizeof text, "%s\nlevel %u\nsince %" PRIu64 "\nuntil %" PRIu64 "\nby %s\nreason %s\n",
               h->kind == HOLD_ON ? "on" : "off", h->level, h->since, h->until, h->by, h->reason);
  if (n < 0 || (size_t)n >= sizeof text) return (errno = EINVAL, -1);
  return place_replace(folder, "hold", text, (size_t)n);
}

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <runlib/mailbox.h>

#include "fixup.h"
#include "fixup-internal.h"

enum
{
  DATE = 1,
  MESSAGE_ID = 2,
  FROM = 4
};

typedef struct field_s field;
struct field_s
{
  char const *name;
  fixup_use use;
  unsigned int seen;
};

static field const fields[] = {
    {"bcc", FIXUP_DROP, 0},
    {"resent-bcc", FIXUP_DROP, 0},
    {"return-path", FIXUP_DROP, 0},
    {"date", FIXUP_PASS, DATE},
    {"message-id", FIXUP_PASS, MESSAGE_ID},
    {"from", FIXUP_ADDRESSES, FROM},
    {"sender", FIXUP_ADDRESSES, 0},
    {"reply-to", FIXUP_ADDRESSES, 0},
    {"to", FIXUP_ADDRESSES, 0},
    {"cc", FIXUP_ADDRESSES, 0},
    {"resent-from", FIXUP_ADDRESSES, 0},
    {"resent-sender", FIXUP_ADDRESSES, 0},
    {"resent-reply-to", FIXUP_ADDRESSES, 0},
    {"resent-to", FIXUP_ADDRESSES, 0},
    {"resent-cc", FIXUP_ADDRESSES, 0},
    {"errors-to", FIXUP_ADDRESSES, 0},
    {"return-receipt-to", FIXUP_ADDRESSES, 0},
    {"disposition-notification-to", FIXUP_ADDRESSES, 0},
    {"mail-reply-to", FIXUP_ADDRESSES, 0},
    {"mail-followup-to", FIXUP_ADDRESSES, 0},
    {"apparently-to", FIXUP_ADDRESSES, 0},
};

void fixup_init(fixup *f, fixup_info const *info)
{
  f->info = *info;
  f->state = FIXUP_START;
  f->use = FIXUP_NONE;
  f->seen = 0;
  f->held.len = 0;
}

void fixup_free(fixup *f)
{
  stralloc_free(&f->held);
}

/* --- what is added --------------------------------------------------------------------------------- */

static int add_date(stralloc *out, time_t now)
{
  static char const days[] = "SunMonTueWedThuFriSat";
  static char const months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  char s[80];
  struct tm tm;

  if (!gmtime_r(&now, &tm)) return -1;
  snprintf(s, sizeof s, "Date: %.3s, %d %.3s %d %02d:%02d:%02d -0000\n", days + 3 * tm.tm_wday, tm.tm_mday,
           months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
  return stralloc_cats(out, s) ? 0 : -1;
}

static int add_from(stralloc *out, fixup_info const *info)
{
  char const *sender = info->sender;
  char const *at = strrchr(sender, '@');
  char const *host = at && at[1] ? at + 1 : info->domain[0] ? info->domain : info->host;

  if (!sender[0])
  {
    sender = "MAILER-DAEMON";
    host = info->host;
  }
  if (!stralloc_cats(out, "From: <") ||
      mailbox_local(out, sender, at ? (size_t)(at - sender) : strlen(sender)) < 0)
    return -1;
  return stralloc_catb(out, "@", 1) && stralloc_cats(out, host) && stralloc_cats(out, ">\n") ? 0 : -1;
}

static int add_message_id(stralloc *out, fixup_info const *info)
{
  return stralloc_cats(out, "Message-ID: <") && stralloc_cats(out, info->id) && stralloc_catb(out, "@", 1) &&
                 stralloc_cats(out, info->host) && stralloc_cats(out, ">\n")
             ? 0
             : -1;
}

static int end_header(fixup *f, stralloc *out)
{
  f->state = FIXUP_BODY;
  if (!(f->seen & DATE) && add_date(out, f->info.now) < 0) return -1;
  if (!(f->seen & MESSAGE_ID) && add_message_id(out, &f->info) < 0) return -1;
  if (!(f->seen & FROM) && add_from(out, &f->info) < 0) return -1;
  return 0;
}

/* --- the header ------------------------------------------------------------------------------------ */

/* held is `name:`. */
static field const *classify(stralloc const *held)
{
  static field const other = {0, FIXUP_PASS, 0};
  size_t len = held->len - 1;

  while (len && (held->s[len - 1] == ' ' || held->s[len - 1] == '\t')) len--;
  for (unsigned int i = 0; i < sizeof fields / sizeof fields[0]; i++)
    if (strlen(fields[i].name) == len && !strncasecmp(fields[i].name, held->s, len)) return fields + i;
  return &other;
}

static int flush(fixup *f, stralloc *out)
{
  if (!stralloc_catb(out, f->held.s, f->held.len)) return -1;
  f->held.len = 0;
  return 0;
}

static int end_field(fixup *f, stralloc *out)
{
  size_t name;
  int result;

  if (f->use != FIXUP_ADDRESSES) return 0;
  if (!f->info.domain[0]) return flush(f, out);
  name = (size_t)((char *)memchr(f->held.s, ':', f->held.len) - f->held.s) + 1;
  if (!stralloc_catb(out, f->held.s, name)) return -1;
  result = fixup_addresses(out, f->held.s + name, f->held.len - name, f->info.domain);
  f->held.len = 0;
  return result;
}

/* Takes bytes of a field's value. */
static int value(fixup *f, char const *s, size_t len, stralloc *out)
{
  if (f->use == FIXUP_DROP) return 0;
  if (f->use == FIXUP_ADDRESSES && f->held.len + len > FIXUP_FIELD_MAX)
  {
    if (flush(f, out) < 0) return -1;
    f->use = FIXUP_PASS;
  }
  return stralloc_catb(f->use == FIXUP_PASS ? out : &f->held, s, len) ? 0 : -1;
}

/* The name is there, and the colon. */
static int begin_field(fixup *f, stralloc *out)
{
  field const *known = classify(&f->held);

  f->use = known->use;
  f->seen |= known->seen;
  f->state = FIXUP_VALUE;
  if (f->use == FIXUP_PASS) return flush(f, out);
  if (f->use == FIXUP_DROP) f->held.len = 0;
  return 0;
}

/* `From joe Mon ...`, the first line of a message in an mbox, or quoted there, which mail programs send on. */
static int is_mbox_line(fixup const *f)
{
  char const *s = f->held.s;
  size_t n = f->held.len;

  if (n && *s == '>') s++, n--;
  return f->first && n > 5 && !memcmp(s, "From ", 5);
}

/* This line is no field: the body has begun without an empty line, which is put before it. */
static int begin_body(fixup *f, stralloc *out)
{
  if (is_mbox_line(f))
  {
    f->use = FIXUP_DROP;
    f->state = f->held.s[f->held.len - 1] == '\n' ? FIXUP_START : FIXUP_VALUE;
    f->held.len = 0;
    return 0;
  }
  if (end_header(f, out) < 0 || !stralloc_catb(out, "\n", 1)) return -1;
  return flush(f, out);
}

static int name_byte(fixup *f, char c, stralloc *out)
{
  char last = f->held.len ? f->held.s[f->held.len - 1] : ' ';
  int blank = c == ' ' || c == '\t';

  if (!stralloc_catb(&f->held, &c, 1)) return -1;
  if (c == ':' && f->held.len > 1) return begin_field(f, out);
  if (blank && f->held.len > 1 && f->held.len < FIXUP_NAME_MAX) return 0;
  if (c > ' ' && c < 127 && c != ':' && f->held.len < FIXUP_NAME_MAX &&
      (f->held.len == 1 || (last != ' ' && last != '\t')))
    return 0;
  return begin_body(f, out);
}

static int line_start(fixup *f, char c, stralloc *out)
{
  if ((c == ' ' || c == '\t') && f->use != FIXUP_NONE)
  {
    f->state = FIXUP_VALUE;
    return value(f, &c, 1, out);
  }
  if (end_field(f, out) < 0) return -1;
  f->first = f->use == FIXUP_NONE;
  f->use = FIXUP_NONE;
  if (c == '\n') return end_header(f, out) < 0 || !stralloc_catb(out, "\n", 1) ? -1 : 0;
  f->state = FIXUP_NAME;
  return name_byte(f, c, out);
}

/* Returns how many bytes it took, at least one; 0 for ENOMEM. */
static size_t take(fixup *f, char const *s, size_t len, stralloc *out)
{
  char const *end;
  size_t n;

  switch (f->state)
  {
    case FIXUP_START: return line_start(f, *s, out) < 0 ? 0 : 1;
    case FIXUP_NAME: return name_byte(f, *s, out) < 0 ? 0 : 1;
    case FIXUP_VALUE:
      end = memchr(s, '\n', len);
      n = end ? (size_t)(end - s) + 1 : len;
      if (end) f->state = FIXUP_START;
      return value(f, s, n, out) < 0 ? 0 : n;
    default: return stralloc_catb(out, s, len) ? len : 0;
  }
}

int fixup_feed(fixup *f, char const *s, size_t len, stralloc *out)
{
  while (len)
  {
    size_t n = take(f, s, len, out);
    if (!n) return -1;
    s += n;
    len -= n;
  }
  return 0;
}

int fixup_end(fixup *f, stralloc *out)
{
  if (f->state == FIXUP_NAME && begin_body(f, out) < 0) return -1;
  if (f->state == FIXUP_BODY) return 0;
  if (f->state == FIXUP_VALUE && value(f, "\n", 1, out) < 0) return -1;
  if (end_field(f, out) < 0) return -1;
  return end_header(f, out);
}

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <runlib/enhanced.h>
#include <runlib/field.h>
#include <runlib/overload.h>
#include <runlib/walk.h>

#define LIFETIME 10 /* of a monitor's flag that does not say, seconds */

static void parse_field(overload *o, field const *f)
{
  if (field_is(f, "level"))
    o->stated = field_number(f) == 2 ? 2 : 1;
  else if (field_is(f, "made") && field_says(f, "monitor"))
    o->maker = OVERLOAD_MONITOR;
  else if (field_is(f, "made") && field_says(f, "hold"))
    o->maker = OVERLOAD_HELD;
  else if (field_is(f, "since"))
    o->since = field_number(f);
  else if (field_is(f, "until"))
    o->until = field_number(f);
  else if (field_is(f, "lifetime"))
    o->lifetime = field_number(f);
  else if (field_is(f, "reason"))
    field_copy(f, o->reason, OVERLOAD_REASON);
}

/*
 * A clock that was set back makes a heartbeat of the future. It counts as stale too: a monitor that
 * lives beats again within a second, and one that is dead must not hold the flag for an hour.
 */
static int is_stale(overload const *o, uint64_t now)
{
  switch (o->maker)
  {
    case OVERLOAD_MONITOR: return (now > o->beat ? now - o->beat : o->beat - now) > o->lifetime;
    case OVERLOAD_HELD: return o->until && now >= o->until;
    default: return 0;
  }
}

void overload_parse(overload *o, char const *bytes, size_t len, uint64_t beat, uint64_t now)
{
  overload const blank = OVERLOAD_ZERO;
  field f;

  *o = blank;
  o->stated = 1;
  o->maker = OVERLOAD_HAND;
  o->beat = beat;
  o->lifetime = LIFETIME;
  while (field_next(&f, &bytes, &len)) parse_field(o, &f);
  if (!o->since && o->maker == OVERLOAD_HAND) o->since = beat;
  o->stale = is_stale(o, now);
  o->level = o->stale ? 0 : o->stated;
}

int overload_read(overload *o, char const *path, uint64_t now)
{
  overload const blank = OVERLOAD_ZERO;
  char buf[OVERLOAD_FLAG];
  struct stat st;
  ssize_t n = 0;
  /* Whatever has that name, a FIFO too, is a flag. */
  int fd = walk_open(AT_FDCWD, path, O_RDONLY, 0);

  *o = blank;
  if (fd < 0)
  {
    if (errno == ENOENT || errno == ENOTDIR) return 0;
    if (stat(path, &st) < 0) return -1;
  }
  else
  {
    if (fstat(fd, &st) < 0) st.st_mtime = 0;
    n = read(fd, buf, sizeof buf);
    close(fd);
  }
  overload_parse(o, buf, n > 0 ? (size_t)n : 0, st.st_mtime > 0 ? (uint64_t)st.st_mtime : 0, now);
  return (int)o->level;
}

overload_client overload_client_of(overload_variable *get, void const *data)
{
  overload_client c = {.user = get(data, "SMTPAUTHUSER")};

  c.early = !get(data, "SMTPMAILFROM") && !get(data, "SMTPAUTHMETHOD");
  c.relay = get(data, "RELAYCLIENT");
  c.exempt = get(data, "OVERLOADRELAY");
  c.log_in = get(data, "OVERLOADLOGIN");
  return c;
}

unsigned int overload_refuses(unsigned int level, overload_client const *client)
{
  if (client->user && client->user[0]) return 0;
  if (client->relay && client->exempt) return 0;
  if (client->early && (level < 2 || client->log_in)) return 0;
  return level;
}

size_t overload_reply(char *s, unsigned int refuses, char const *text)
{
  size_t n = 5;

  if (!text || !text[0]) text = "Temporary Failure: Server overload";
  memcpy(s, refuses >= 2 ? "R421 4.3.2 " : "R451 4.3.2 ", 11);
  if (!enhanced_at(text, strlen(text))) n = 11;
  /* RFC 5321 4.5.3.1.5: a reply line has at most 512 octets, code and CRLF included. */
  field_clean(s + n, OVERLOAD_REPLY - 3 - n, text, strlen(text));
  return strlen(s);
}

size_t overload_log(char *s, char const *reply, long session)
{
  char const *text = strlen(reply) > 5 ? reply + 5 : "";
  size_t code = enhanced_at(text, strlen(text));
  int n = snprintf(s, OVERLOAD_REPLY, "overload: %ld %.460s\n", session, text + code + (text[code] == ' '));
  return n < 0 ? 0 : n >= OVERLOAD_REPLY ? OVERLOAD_REPLY - 1 : (size_t)n;
}

size_t overload_answer(char *s, char const *path, uint64_t now, overload_variable *get, void const *data)
{
  overload o;
  overload_client client;
  unsigned int refuses;

  s[0] = 0;
  if (overload_read(&o, path, now) <= 0) return 0;
  client = overload_client_of(get, data);
  refuses = overload_refuses(o.level, &client);
  return refuses ? overload_reply(s, refuses, get(data, "OVERLOADTEXT")) : 0;
}

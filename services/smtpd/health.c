#include <strings.h>
#include <time.h>

#include <skalibs/bytestr.h>

#include <runlib/clock.h>
#include <runlib/overload.h>

#include "client.h"
#include "health.h"

#define TIME     10000 /* ms */
#define LINE_MAX 512

/* Whether the machine is to be left alone: submission's own users are served until level 2. */
static int is_drowning(options const *o)
{
  overload flag = OVERLOAD_ZERO;

  return overload_read(&flag, o->overload, (uint64_t)time(0)) >= (o->config.submission ? 2 : 1);
}

static char const *reply_to(char const *line, size_t n)
{
  if (n >= 4 && !strncasecmp(line, "QUIT", 4)) return "221 2.0.0 bye\r\n";
  if (n >= 4 &&
      (!strncasecmp(line, "HELO", 4) || !strncasecmp(line, "EHLO", 4) || !strncasecmp(line, "NOOP", 4)))
    return "250 2.0.0 ok\r\n";
  return "502 5.5.1 here health is asked for, and nothing else\r\n";
}

int health_serve(options const *o, char const *me)
{
  uint64_t deadline = clock_ms() + TIME;
  stralloc out = STRALLOC_ZERO;
  char line[LINE_MAX];
  size_t len = 0, n, at;
  int over = is_drowning(o);

  if (!stralloc_cats(&out, over ? "421 4.3.2 overloaded\r\n" : "220 ") ||
      (!over && (!stralloc_cats(&out, me) || !stralloc_cats(&out, " is well\r\n"))))
    return 1;
  while (client_flush(&out, deadline) == 0 && !over && len < sizeof line &&
         client_read(line + len, sizeof line - len, &n, deadline, 0) == CLIENT_BYTES)
    for (len += n; !over && (at = byte_chr(line, len, '\n')) < len;)
    {
      char const *reply = reply_to(line, at);
      if (!stralloc_cats(&out, reply)) return 1;
      over = reply[0] == '2' && reply[1] == '2';
      len -= at + 1;
      byte_copy(line, len, line + at + 1);
    }
  (void)client_flush(&out, deadline);
  client_linger();
  return 0;
}

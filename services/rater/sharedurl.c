#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include <skalibs/types.h>

#include "shared.h"
#include "sharedurl.h"

int redis_place_make(redis_place *p, char const *ip, char const *port)
{
  struct sockaddr_in *in = (struct sockaddr_in *)&p->sa;
  struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&p->sa;
  uint16_t n;

  memset(p, 0, sizeof *p);
  if (!uint160_scan(port, &n) || !n) return -1;
  if (inet_pton(AF_INET, ip, &in->sin_addr) == 1)
  {
    in->sin_family = AF_INET;
    in->sin_port = htons(n);
    p->len = sizeof *in;
    return 0;
  }
  if (inet_pton(AF_INET6, ip, &in6->sin6_addr) != 1) return -1;
  in6->sin6_family = AF_INET6;
  in6->sin6_port = htons(n);
  p->len = sizeof *in6;
  return 0;
}

/* `10.0.0.1:6379` or `[::1]:6379`, n bytes. */
static int scan_place(redis_place *p, char const *text, size_t n)
{
  char copy[80];
  char *port, *ip = copy;

  if (n >= sizeof copy) return -1;
  memcpy(copy, text, n);
  copy[n] = 0;
  port = strrchr(copy, ':');
  if (!port) return -1;
  *port = 0;
  if (*ip == '[' && port > ip + 1 && port[-1] == ']') ip++, port[-1] = 0;
  return redis_place_make(p, ip, port + 1);
}

static char const *scan_unix(char const *path, redis_place *p)
{
  struct sockaddr_un *un = (struct sockaddr_un *)&p->sa;

  if (*path != '/') return "unix: wants an absolute path";
  if (strlen(path) >= sizeof un->sun_path) return "unix: the path is too long";
  memset(p, 0, sizeof *p);
  un->sun_family = AF_UNIX;
  strcpy(un->sun_path, path);
  p->len = sizeof *un;
  return 0;
}

static char const *scan_places(char const *text, size_t n, redis_url *u)
{
  while (n)
  {
    char const *comma = memchr(text, ',', n);
    size_t len = comma ? (size_t)(comma - text) : n;
    if (u->n == SHARED_PLACES) return "more than eight sentinels";
    if (scan_place(&u->places[u->n++], text, len) < 0)
      return "not ADDRESS:PORT (names are not looked up: write 10.0.0.1:6379 or [::1]:6379)";
    text += len + (comma != 0);
    n -= len + (comma != 0);
  }
  return u->n ? 0 : "no address";
}

char const *redis_url_scan(char const *text, redis_url *u)
{
  char const *slash, *at;

  memset(u, 0, sizeof *u);
  if (!strncmp(text, "unix:", 5)) return u->n = 1, scan_unix(text + 5, &u->places[0]);
  if (!strncmp(text, "rediss:", 7))
    return "Debian's hiredis speaks no TLS: let stunnel or the like do it, and write unix:PATH";
  if (!strncmp(text, "sentinel://", 11))
  {
    text += 11;
    at = strchr(text, '@');
    if (!at || at == text || (size_t)(at - text) >= sizeof u->master)
      return "a master's name is missing: sentinel://MASTER@ADDRESS:PORT,...";
    memcpy(u->master, text, (size_t)(at - text));
    text = at + 1;
  }
  else if (!strncmp(text, "redis://", 8))
    text += 8;
  else
    return "none of redis://ADDRESS:PORT/DB, unix:PATH and sentinel://MASTER@ADDRESS:PORT,.../DB";
  if (!u->master[0] && strchr(text, '@')) return "a password belongs into a file (shared-password)";
  slash = strchr(text, '/');
  if (slash && slash[1] && (!uint0_scan(slash + 1, &u->db) || u->db > 65535))
    return "the database is no number";
  if (!u->master[0] && memchr(text, ',', strlen(text))) return "more than one address";
  return scan_places(text, slash ? (size_t)(slash - text) : strlen(text), u);
}

char const *shared_wrong(char const *what)
{
  redis_url u;

  return redis_url_scan(what, &u);
}

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>

#include <runlib/address.h>

#include "sts.h"

#define ANSWER_MAX 100000U /* bytes of a netstring, by the protocol */

/* --- pure ---------------------------------------------------------------------------------------- */

/* `OK secure match=MX:.SUFFIX servername=hostname`, as Postfix's smtp_tls_policy_maps has it. */
static int read_policy(char const *s, size_t len, stralloc *patterns)
{
  static char const key[] = " match=";
  char const *m;

  if (len < 6 || memcmp(s, "secure", 6)) return 0;
  m = memmem(s, len, key, sizeof key - 1);
  if (!m) return (errno = EPROTO, -1);
  for (m += sizeof key - 1; m < s + len && *m != ' '; m++)
    if (!stralloc_catb(patterns, *m == ':' ? "" : m, 1)) return -1;
  return stralloc_0(patterns) ? 1 : -1;
}

int sts_read(char const *s, size_t len, stralloc *patterns)
{
  if (len >= 3 && !memcmp(s, "OK ", 3)) return read_policy(s + 3, len - 3, patterns);
  if (len >= 8 && !memcmp(s, "NOTFOUND", 8)) return 0;
  errno = len >= 4 && !memcmp(s, "TEMP", 4) ? EAGAIN : EPROTO;
  return -1;
}

int sts_allows(stralloc const *patterns, char const *exchanger)
{
  char const *dot = strchr(exchanger, '.');

  for (char const *p = patterns->s; p < patterns->s + patterns->len; p += strlen(p) + 1)
    if (*p && !strcasecmp(p, *p == '.' ? (dot ? dot : "") : exchanger)) return 1;
  return 0;
}

/* --- asking -------------------------------------------------------------------------------------- */

static int open_socket(char const *place)
{
  struct timeval const most = {.tv_sec = STS_SECONDS};
  struct sockaddr_un un = {.sun_family = AF_UNIX};
  struct sockaddr_in v4 = {.sin_family = AF_INET};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
  struct sockaddr const *to = (struct sockaddr *)&un;
  socklen_t n = sizeof un;
  address a = ADDRESS_ZERO;
  int fd;

  if (*place != '/' && !address_scan(place, &a))
  {
    v4.sin_port = v6.sin6_port = htons(a.port);
    memcpy(&v4.sin_addr, a.ip, 4);
    memcpy(&v6.sin6_addr, a.ip, 16);
    to = a.family == 6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;
    n = a.family == 6 ? sizeof v6 : sizeof v4;
  }
  else if (strlen(place) < sizeof un.sun_path)
    strcpy(un.sun_path, place);
  fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (!setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most) &&
      !setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most) && !connect(fd, to, n))
    return fd;
  close(fd);
  return -1;
}

/* Reads a netstring: its length, a colon, its content, a comma. */
static int read_answer(int fd, stralloc *answer)
{
  size_t n = 0;
  char c;

  for (;;)
  {
    if (!allread(fd, &c, 1)) return -1;
    if (c == ':') break;
    n = n * 10 + (size_t)(c - '0');
    if (c < '0' || c > '9' || n > ANSWER_MAX) return (errno = EPROTO, -1);
  }
  if (!stralloc_ready(answer, n + 1)) return -1;
  answer->len = n;
  return allread(fd, answer->s, n + 1) == n + 1 ? 0 : -1;
}

int sts_ask(char const *place, char const *domain, stralloc *patterns)
{
  static char const map[] = "postfix "; /* the resolver does not look at the map's name */
  stralloc question = STRALLOC_ZERO, answer = STRALLOC_ZERO;
  char size[32];
  int n = snprintf(size, sizeof size, "%zu:", sizeof map - 1 + strlen(domain));
  int fd = open_socket(place), result = -1;

  if (fd < 0) return -1;
  if (stralloc_catb(&question, size, (size_t)n) && stralloc_cats(&question, map) &&
      stralloc_cats(&question, domain) && stralloc_cats(&question, ",") &&
      allwrite(fd, question.s, question.len) == question.len && !read_answer(fd, &answer))
    result = sts_read(answer.s, answer.len, patterns);
  close(fd);
  stralloc_free(&question);
  stralloc_free(&answer);
  return result;
}

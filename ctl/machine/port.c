#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/started.h>

#include <ctl/live/holder.h>
#include <ctl/machine/port.h>

#define SOCKETS_MAX 32 /* listening sockets that cover one address */
#define DEPTH_MAX   64 /* processes above one */
#define LOOKS       50 /* at an address in use by nobody */
#define LOOK_PAUSE  20 /* milliseconds between them */

static int try_family(address const *a, int family)
{
  struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(a->port)};
  struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(a->port)};
  int v6 = family == AF_INET6;
  int on = 1;
  int e = 0;
  int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (fd < 0) return errno;
  memcpy(&in.sin_addr, a->ip, 4);
  memcpy(&in6.sin6_addr, a->ip, 16);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (v6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (bind(fd, v6 ? (struct sockaddr *)&in6 : (struct sockaddr *)&in, v6 ? sizeof in6 : sizeof in) < 0)
    e = errno;
  fd_close(fd);
  return e;
}

int port_try(address const *a)
{
  int e;

  if (a->family == 4) return try_family(a, AF_INET);
  if (a->family == 6) return try_family(a, AF_INET6);
  e = try_family(a, AF_INET6);
  if (e && e != EAFNOSUPPORT && e != EADDRNOTAVAIL) return e; /* `*` takes the families that there are */
  return try_family(a, AF_INET);
}

/* --- /proc ------------------------------------------------------------------------------------- */

/* The address of a line of /proc/net/tcp or tcp6: 32-bit words in the machine's own byte order, hex. */
static int read_local(char const *hex, int family, address *a)
{
  unsigned int words = family == 6 ? 4 : 1;
  unsigned int port;

  memset(a, 0, sizeof *a);
  a->family = (uint8_t)family;
  for (unsigned int i = 0; i < words; i++)
  {
    unsigned int word;
    if (sscanf(hex + 8 * i, "%8x", &word) != 1) return 0;
    memcpy(a->ip + 4 * i, &word, 4);
  }
  if (sscanf(hex + 8 * words, ":%x", &port) != 1) return 0;
  a->port = (uint16_t)port;
  return 1;
}

typedef struct sockets_s sockets;
struct sockets_s
{
  unsigned long inodes[SOCKETS_MAX];
  size_t n;
  int hidden; /* one is another user's, whose processes we may not see */
};

/* Gathers the listening sockets that stand in the way of a. */
static void find_sockets(sockets *s, address const *a, char const *table, int family)
{
  FILE *f = fopen(table, "re");
  char line[512];

  if (!f) return;
  while (s->n < SOCKETS_MAX && fgets(line, sizeof line, f))
  {
    char local[64];
    unsigned int state;
    unsigned int uid;
    unsigned long inode;
    address there;
    if (sscanf(line, " %*u: %63s %*s %x %*s %*s %*s %u %*s %lu", local, &state, &uid, &inode) != 4) continue;
    if (state != 10 || !read_local(local, family, &there)) continue; /* 10: TCP_LISTEN */
    /* A socket on [::] may take IPv4 too; the table does not tell. */
    if (family == 6 && a->family == 4 && a->port == there.port &&
        !memcmp(there.ip, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16))
      there = *a;
    if (!address_clash(a, &there)) continue;
    s->inodes[s->n++] = inode;
    if (geteuid() && uid != geteuid()) s->hidden = 1;
  }
  fclose(f);
}

static int is_socket(pid_t pid, char const *link, void const *data)
{
  sockets const *s = data;
  unsigned long inode;

  (void)pid;
  if (sscanf(link, "socket:[%lu]", &inode) != 1) return 0;
  for (size_t i = 0; i < s->n; i++)
    if (s->inodes[i] == inode) return 1;
  return 0;
}

pid_t port_owner(address const *a, int *hidden)
{
  sockets s = {.n = 0, .hidden = 0};

  find_sockets(&s, a, "/proc/net/tcp", 4);
  find_sockets(&s, a, "/proc/net/tcp6", 6);
  *hidden = s.hidden;
  return s.n ? holder_find(&is_socket, &s) : 0;
}

int port_taken(address const *a, pid_t *owner)
{
  for (unsigned int looks = 1;; looks++)
  {
    int hidden;
    int e = port_try(a);
    if (e != EADDRINUSE) return e;
    *owner = port_owner(a, &hidden);
    if (*owner || hidden || looks == LOOKS) return e;
    poll(0, 0, LOOK_PAUSE);
  }
}

int port_below(pid_t pid, char const *directory)
{
  char *real = realpath(directory, 0);
  size_t len = real ? strlen(real) : 0;
  int found = 0;

  for (unsigned int depth = 0; real && pid > 1 && !found && depth < DEPTH_MAX; depth++)
  {
    char path[64];
    char cwd[4096];
    ssize_t r;
    snprintf(path, sizeof path, "/proc/%ld/cwd", (long)pid);
    r = readlink(path, cwd, sizeof cwd - 1);
    if (r > (ssize_t)len && !memcmp(cwd, real, len) && cwd[len] == '/') found = 1;
    pid = started_parent(pid);
  }
  free(real);
  return found;
}

#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <ares.h>

#include "dns.h"

#define PATIENCE_MS 3000 /* until a server is asked again */
#define TRIES       3

typedef struct question_s question;
struct question_s
{
  dns_answer *answer;
  unsigned int type;
};

static ares_channel channel;
static int local;

static int is_loopback(struct ares_addr_port_node const *a)
{
  if (a->family == AF_INET) return (ntohl(a->addr.addr4.s_addr) >> 24) == 127;
  return a->family == AF_INET6 && IN6_IS_ADDR_LOOPBACK((struct in6_addr const *)&a->addr.addr6);
}

static int all_loopback(void)
{
  struct ares_addr_port_node *list;
  int all = 1;

  if (ares_get_servers_ports(channel, &list) != ARES_SUCCESS || !list) return 0;
  for (struct ares_addr_port_node const *a = list; a; a = a->next) all &= is_loopback(a);
  ares_free_data(list);
  return all;
}

char const *dns_open(char const *servers)
{
  struct ares_options o = {.timeout = PATIENCE_MS, .tries = TRIES, .flags = ARES_FLAG_EDNS, .ednspsz = 1232};
  int e = ares_library_init(ARES_LIB_INIT_ALL);

  if (!e)
    e = ares_init_options(&channel, &o,
                          ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ);
  if (!e && servers) e = ares_set_servers_ports_csv(channel, servers);
  if (e) return ares_strerror(e);
  local = all_loopback();
  return 0;
}

int dns_is_local(void)
{
  return local;
}

static void called_back(void *data, int status, int timeouts, unsigned char *message, int len)
{
  question *q = data;

  (void)timeouts;
  if (status == ARES_SUCCESS && stralloc_copyb(&q->answer->message, (char *)message, (size_t)len))
    dns_answer_read(q->answer, q->type);
  q->answer->secure &= local;
  free(q);
}

/* The bit AD in a question says that the asker wants to see it in the answer (RFC 6840, 5.7). */
void dns_ask(char const *name, unsigned int type, dns_answer *a)
{
  question *q = malloc(sizeof *q);
  unsigned char *message;
  int len;

  if (!q) return;
  *q = (question){a, type};
  if (ares_create_query(name, 1, (int)type, 0, 1, &message, &len, 1232) != ARES_SUCCESS)
  {
    free(q);
    return;
  }
  message[3] |= 0x20;
  ares_send(channel, message, len, &called_back, q);
  ares_free_string(message);
}

void dns_wait(void)
{
  for (;;)
  {
    ares_socket_t fds[ARES_GETSOCK_MAXNUM];
    int bits = ares_getsock(channel, fds, ARES_GETSOCK_MAXNUM);
    struct timeval tv, most = {.tv_sec = 60};
    struct timeval const *t = ares_timeout(channel, &most, &tv);
    struct pollfd x[ARES_GETSOCK_MAXNUM];
    nfds_t n = 0;

    for (unsigned int i = 0; i < ARES_GETSOCK_MAXNUM; i++)
      if (ARES_GETSOCK_READABLE(bits, i) || ARES_GETSOCK_WRITABLE(bits, i))
        x[n++] = (struct pollfd){.fd = fds[i],
                                 .events = (short)((ARES_GETSOCK_READABLE(bits, i) ? POLLIN : 0) |
                                                   (ARES_GETSOCK_WRITABLE(bits, i) ? POLLOUT : 0))};
    if (!n) return;
    if (poll(x, n, (int)(t->tv_sec * 1000 + t->tv_usec / 1000 + 1)) <= 0) n = 0;
    if (!n) ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    for (nfds_t i = 0; i < n; i++)
      if (x[i].revents)
        ares_process_fd(channel, x[i].revents & ~POLLOUT ? x[i].fd : ARES_SOCKET_BAD,
                        x[i].revents & POLLOUT ? x[i].fd : ARES_SOCKET_BAD);
  }
}

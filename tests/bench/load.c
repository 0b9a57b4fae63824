#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/*
 * load IP PORT COUNT PARALLEL: makes COUNT connections, PARALLEL of them at a time, reads each to its end,
 * and prints how many a second that were. Exits 1 if one of them fails or brings nothing. With a COUNT of 0
 * it only finds out whether somebody listens.
 */

static struct sockaddr_in server = {.sin_family = AF_INET};
static int events;
static unsigned long started, ended, failed;

static void start(void)
{
  struct epoll_event e = {.events = EPOLLIN};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

  started++;
  e.data.u64 = (unsigned long long)fd;
  if (fd < 0 || (connect(fd, (struct sockaddr *)&server, sizeof server) < 0 && errno != EINPROGRESS) ||
      epoll_ctl(events, EPOLL_CTL_ADD, fd, &e) < 0)
  {
    perror("connect");
    exit(1);
  }
}

/* The top bit of an event's data says that the connection has brought something. */
#define BROUGHT (1ULL << 63)

static void take(struct epoll_event *e)
{
  int fd = (int)(e->data.u64 & ~BROUGHT);
  char buf[4096];
  ssize_t n = read(fd, buf, sizeof buf);

  if (n > 0 || (n < 0 && errno == EAGAIN))
  {
    if (n > 0) e->data.u64 |= BROUGHT;
    e->events = EPOLLIN;
    epoll_ctl(events, EPOLL_CTL_MOD, fd, e);
    return;
  }
  if (n < 0 || !(e->data.u64 & BROUGHT)) failed++;
  close(fd);
  ended++;
}

static double now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
  struct epoll_event e[64];
  unsigned long count, parallel;
  double begin;

  if (argc != 5 || inet_pton(AF_INET, argv[1], &server.sin_addr) != 1) return 100;
  server.sin_port = htons((unsigned short)atoi(argv[2]));
  count = strtoul(argv[3], 0, 10);
  parallel = strtoul(argv[4], 0, 10);
  if (!count)
    return connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&server, sizeof server) ? 1 : 0;
  events = epoll_create1(0);
  begin = now();
  while (ended < count)
  {
    int n;
    while (started < count && started - ended < parallel) start();
    n = epoll_wait(events, e, 64, 30000);
    if (n <= 0) return 1;
    for (int i = 0; i < n; i++) take(e + i);
  }
  printf("%.1f\n", (double)count / (now() - begin));
  return failed ? 1 : 0;
}

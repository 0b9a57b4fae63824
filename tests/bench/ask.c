#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/*
 * ask SOCKET PID WORD COUNT CONNECTIONS PIPELINE KEYS: sends COUNT lines `WORD keyN` to a server that answers each
 * with a line, over CONNECTIONS connections, PIPELINE of them at a time, N running through KEYS numbers.
 * The server is process PID. Prints: answers a second, the server's processor time an answer (us), and the
 * median and 99th percentile of the time to a batch's last answer (us).
 */

typedef struct connection_s connection;
struct connection_s
{
  int fd;
  unsigned int owed;
  uint64_t sent;
};

static char const *word;
static size_t word_len;
static uint64_t left, answered, key, keys;
static unsigned int pipeline;
static uint32_t *times;
static size_t n_times;

static uint64_t now_ns(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(char const *what)
{
  perror(what);
  exit(1);
}

/* ns on a processor, of the server's first thread: the one that serves, in both. */
static uint64_t server_cpu(char const *pid)
{
  char name[64];
  unsigned long long ns = 0;
  FILE *f;

  snprintf(name, sizeof name, "/proc/%s/schedstat", pid);
  f = fopen(name, "r");
  if (!f || fscanf(f, "%llu", &ns) != 1) die(name);
  fclose(f);
  return ns;
}

static int connect_to(char const *path)
{
  struct sockaddr_un sa = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);

  if (strlen(path) >= sizeof sa.sun_path) exit(100);
  strcpy(sa.sun_path, path);
  if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof sa) < 0) die("connect");
  return fd;
}

static size_t put_line(char *s)
{
  char digits[20];
  size_t n = word_len, d = 0;
  uint64_t u = key;

  /* all the keys, in an order that caches do not foresee: the step has no factor in common with KEYS */
  key = (key + 7919) % keys;
  memcpy(s, word, word_len);
  memcpy(s + n, " key", 4);
  n += 4;
  do digits[d++] = (char)('0' + u % 10);
  while (u /= 10);
  while (d) s[n++] = digits[--d];
  s[n++] = '\n';
  return n;
}

static void send_batch(connection *c)
{
  static char buf[65536];
  size_t n = 0;

  c->owed = left < pipeline ? (unsigned int)left : pipeline;
  left -= c->owed;
  for (unsigned int i = 0; i < c->owed; i++) n += put_line(buf + n);
  c->sent = now_ns();
  if (n && send(c->fd, buf, n, MSG_NOSIGNAL) != (ssize_t)n) die("send");
}

static void read_answers(connection *c)
{
  char buf[65536];
  ssize_t n = recv(c->fd, buf, sizeof buf, MSG_DONTWAIT);

  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) die("recv");
  if (buf[0] == '-' || buf[0] == '2') exit((fprintf(stderr, "ask: %.*s", (int)n, buf), 1));
  for (char *s = buf; (s = memchr(s, '\n', (size_t)(buf + n - s))); s++) c->owed--, answered++;
  if (c->owed) return;
  times[n_times++] = (uint32_t)((now_ns() - c->sent) / 100);
  if (left) send_batch(c);
}

static int by_size(void const *a, void const *b)
{
  uint32_t x = *(uint32_t const *)a, y = *(uint32_t const *)b;
  return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
  static connection connections[1000];
  struct epoll_event events[128], e = {.events = EPOLLIN};
  uint64_t begin, cpu, count;
  unsigned int n;
  double seconds;
  int ep = epoll_create1(0);

  if (argc != 8) return 100;
  word = argv[3];
  word_len = strlen(word);
  count = left = strtoull(argv[4], 0, 10);
  n = (unsigned int)atoi(argv[5]);
  pipeline = (unsigned int)atoi(argv[6]);
  keys = strtoull(argv[7], 0, 10);
  if (!n || n > 1000 || !pipeline || pipeline > 500 || !keys || !count || word_len > 64) return 100;
  times = malloc((count + n) * sizeof *times);
  if (!times || ep < 0) die("malloc");
  for (unsigned int i = 0; i < n; i++)
  {
    connections[i].fd = connect_to(argv[1]);
    e.data.ptr = &connections[i];
    if (epoll_ctl(ep, EPOLL_CTL_ADD, connections[i].fd, &e) < 0) die("epoll_ctl");
  }
  cpu = server_cpu(argv[2]);
  begin = now_ns();
  for (unsigned int i = 0; i < n && left; i++) send_batch(&connections[i]);
  while (answered < count)
  {
    int r = epoll_wait(ep, events, 128, 10000);
    if (r <= 0) die("epoll_wait");
    for (int i = 0; i < r; i++) read_answers(events[i].data.ptr);
  }
  seconds = (double)(now_ns() - begin) / 1e9;
  cpu = server_cpu(argv[2]) - cpu;
  size_t middle = n_times / 2, late = n_times * 99 / 100;
  qsort(times, n_times, sizeof *times, by_size);
  printf("%.0f %.4f %.1f %.1f\n", (double)count / seconds, (double)cpu / 1e3 / (double)count,
         times[middle] / 10.0, times[late] / 10.0);
  return 0;
}

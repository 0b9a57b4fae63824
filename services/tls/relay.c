#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>

#include "relay-internal.h"

#define LINGER_MS 2000
#define QUIET_MS  2000 /* after which memory is given back */

typedef struct pipe_s pipe_buffer;
struct pipe_s
{
  size_t head;
  size_t tail;
  char s[65536];
};

typedef struct relay_s relay_state;
struct relay_s
{
  SSL *ssl;
  int client;
  int plain;
  short want_read; /* the poll event that SSL_read, SSL_write wait for on the client's socket */
  short want_write;
  unsigned int client_ended : 1; /* close-notify came */
  unsigned int plain_ended : 1;  /* the program closed its side */
  unsigned int plain_deaf : 1;   /* the program will read no more; what the client still sends is dropped */
  unsigned int told : 1;         /* the program has been told of the client's end */
  unsigned int held : 1;         /* the end of the handshake waits for the first bytes */
  unsigned int
      lost : 1; /* the client has gone without a word: what it said before is delivered, what it was to get is dropped */
};

/* One session a process. Untouched pages cost nothing. */
static pipe_buffer up __attribute__((aligned(4096)));
static pipe_buffer down __attribute__((aligned(4096)));

int64_t relay_now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* What a failed SSL call waits for; 0: nothing, it is over. */
static short wanted(relay_state *r, int result)
{
  switch (SSL_get_error(r->ssl, result))
  {
    case SSL_ERROR_WANT_READ: return POLLIN;
    case SSL_ERROR_WANT_WRITE: return POLLOUT;
    case SSL_ERROR_ZERO_RETURN: r->client_ended = 1; return 0;
    default: r->lost = 1; return 0;
  }
}

static int read_client(relay_state *r)
{
  int moved = 0;

  r->want_read = 0;
  while (!r->client_ended && !r->lost && up.tail < sizeof up.s)
  {
    int n = SSL_read(r->ssl, up.s + up.tail, (int)(sizeof up.s - up.tail));
    if (n <= 0)
    {
      r->want_read = wanted(r, n);
      break;
    }
    moved = 1;
    if (!r->plain_deaf) up.tail += (size_t)n;
  }
  return moved;
}

static int write_plain(relay_state *r)
{
  int moved = 0;

  while (up.head < up.tail && !r->plain_deaf)
  {
    ssize_t n = send(r->plain, up.s + up.head, up.tail - up.head, MSG_NOSIGNAL);
    if (n > 0)
    {
      up.head += (size_t)n;
      moved = 1;
    }
    else if (n < 0 && errno == EAGAIN)
      break;
    else if (n < 0 && errno != EINTR)
      r->plain_deaf = 1;
  }
  if (up.head == up.tail || r->plain_deaf) up.head = up.tail = 0;
  if ((r->client_ended || r->lost) && !up.tail && !r->told)
  {
    shutdown(r->plain, SHUT_WR);
    r->told = 1;
    moved = 1;
  }
  return moved;
}

static int read_plain(relay_state *r)
{
  int moved = 0;

  while (!r->plain_ended && down.tail < sizeof down.s)
  {
    ssize_t n = read(r->plain, down.s + down.tail, sizeof down.s - down.tail);
    if (n > 0)
    {
      down.tail += (size_t)n;
      moved = 1;
    }
    else if (n < 0 && errno == EAGAIN)
      break;
    else if (!n || errno != EINTR)
    {
      r->plain_ended = 1; /* ECONNRESET too: the program left something unread when it ended */
      moved = 1;
    }
  }
  return moved;
}

/* On: what is written goes out with what follows, or after 200 ms. Not for what is no TCP socket. */
void relay_hold_back(int client, int on)
{
  (void)setsockopt(client, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
}

static int write_client(relay_state *r)
{
  int moved = 0;

  r->want_write = 0;
  /* The last bytes, close-notify and the end of the connection go out together. */
  if (r->plain_ended && down.tail && !r->lost) relay_hold_back(r->client, 1);
  while (down.head < down.tail && !r->lost)
  {
    int n = SSL_write(r->ssl, down.s + down.head, (int)(down.tail - down.head));
    if (n <= 0)
    {
      r->want_write = wanted(r, n);
      break;
    }
    down.head += (size_t)n;
    moved = 1;
  }
  if (moved && r->held && !r->plain_ended)
  {
    relay_hold_back(r->client, 0);
    r->held = 0;
  }
  if (down.head == down.tail || r->lost) down.head = down.tail = 0;
  return moved;
}

static int move_all(relay_state *r)
{
  int any = 0;

  while (read_client(r) | write_plain(r) | read_plain(r) | write_client(r)) any = 1;
  return any;
}

static int is_over(relay_state const *r)
{
  return r->lost ? r->told || r->plain_ended : r->plain_ended && !down.tail;
}

/* 40 kB a session: the kernel takes the pages, and gives zeros when they are wanted again. */
static void give_memory_back(void)
{
  if (!up.tail) (void)madvise(&up, sizeof up, MADV_DONTNEED);
  if (!down.tail) (void)madvise(&down, sizeof down, MADV_DONTNEED);
  (void)malloc_trim(0);
}

static void wait_long(struct pollfd p[2], int ms)
{
  if (ms > QUIET_MS)
  {
    if (poll(p, 2, QUIET_MS)) return;
    give_memory_back();
    ms -= QUIET_MS;
  }
  (void)poll(p, 2, ms);
}

/* Returns 0 when it is time to stop waiting. A signal ends the wait early. */
static int wait_for_events(relay_state *r, int64_t deadline)
{
  struct pollfd p[2] = {{.fd = r->client, .events = 0}, {.fd = r->plain, .events = 0}};
  int64_t left = deadline - relay_now();

  p[0].events = (short)((up.tail < sizeof up.s && !r->client_ended ? r->want_read : 0) | r->want_write);
  p[1].events = (short)((up.tail ? POLLOUT : 0) | (!r->plain_ended && !down.tail ? POLLIN : 0));
  /* A descriptor that has hung up would end every poll at once, asked or not. */
  if (r->lost || !p[0].events) p[0].fd = -1;
  if (!p[1].events) p[1].fd = -1;
  if (left <= 0) return 0;
  wait_long(p, left < 3600000 ? (int)left : 3600000);
  return 1;
}

/*
 * The client must get our last bytes: what it still sends is read and dropped for a moment, because
 * closing a socket with unread bytes in it resets the connection and takes them away.
 */
static void say_goodbye(relay_state *r)
{
  int64_t deadline = relay_now() + LINGER_MS;

  ERR_clear_error();
  (void)SSL_shutdown(r->ssl);
  shutdown(r->client, SHUT_WR);
  for (;;)
  {
    struct pollfd p = {.fd = r->client, .events = POLLIN};
    int64_t left = deadline - relay_now();
    if (left <= 0 || poll(&p, 1, (int)left) <= 0 || read(r->client, up.s, sizeof up.s) <= 0) return;
  }
}

void relay(SSL *ssl, int client, int plain, volatile sig_atomic_t const *orphaned, unsigned int idle,
           unsigned int drain)
{
  relay_state r = {.ssl = ssl, .client = client, .plain = plain, .want_read = POLLIN, .held = 1};
  int64_t end = INT64_MAX;
  int64_t quiet = relay_now() + idle;

  for (;;)
  {
    ERR_clear_error();
    if (move_all(&r)) quiet = relay_now() + idle;
    if (is_over(&r)) break;
    if (*orphaned && drain && end == INT64_MAX) end = relay_now() + drain;
    if (!wait_for_events(&r, end < quiet ? end : quiet)) break;
  }
  close(plain);
  if (!r.lost) say_goodbye(&r);
}

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/*
 * talk IP PORT COUNT PARALLEL CODE LINE...: COUNT SMTP sessions, PARALLEL of them at a time: waits for the
 * greeting, says each LINE and waits for its reply, then QUIT, until the server hangs up. Prints how many
 * sessions a second that were. Exits 1 unless the reply to the last LINE began with CODE in every one.
 * (Postfix's smtp-source gives up as soon as a server that refuses it hangs up.)
 */

#define SESSIONS 256

typedef struct session_s session;
struct session_s
{
  int fd;
  int said;   /* lines */
  int good;   /* the last reply was as it should be */
  size_t len; /* of what came since the last reply */
  char in[2048];
};

static struct sockaddr_in server = {.sin_family = AF_INET};
static session sessions[SESSIONS];
static int events;
static int lines;
static char const *const *line;
static char const *code;
static unsigned long started, ended, failed;

static void die(char const *what)
{
  perror(what);
  exit(1);
}

static void start(session *s)
{
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = s};

  memset(s, 0, offsetof(session, in));
  s->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (s->fd < 0 || connect(s->fd, (struct sockaddr *)&server, sizeof server) < 0) die("connect");
  if (epoll_ctl(events, EPOLL_CTL_ADD, s->fd, &e) < 0) die("epoll_ctl");
  started++;
}

static void end(session *s)
{
  close(s->fd);
  s->fd = -1;
  ended++;
  failed += !s->good;
}

/* Whether what came ends in the last line of a reply: `250 ...`, not `250-...`. */
static int complete(session const *s)
{
  size_t i = s->len;

  if (!i || s->in[i - 1] != '\n') return 0;
  for (i--; i && s->in[i - 1] != '\n'; i--)
  {
  }
  return s->len - i >= 4 && s->in[i + 3] == ' ';
}

static void answer(session *s)
{
  char text[512];
  int n;

  if (s->said == lines) s->good = !strncmp(s->in, code, strlen(code));
  n = snprintf(text, sizeof text, "%s\r\n", s->said < lines ? line[s->said] : "QUIT");
  s->said++;
  s->len = 0;
  /* It may have hung up after a refusal: then reading tells. */
  if (s->said <= lines + 1 && send(s->fd, text, (size_t)n, MSG_NOSIGNAL) < 0 && errno != EPIPE &&
      errno != ECONNRESET)
    die("send");
}

static void take(session *s)
{
  ssize_t n = read(s->fd, s->in + s->len, sizeof s->in - s->len);

  if (n <= 0)
  {
    end(s);
    return;
  }
  s->len += (size_t)n;
  if (complete(s)) answer(s);
}

static double now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char const *const *argv)
{
  struct epoll_event e[SESSIONS];
  unsigned long count, parallel;
  double begin;

  if (argc < 7 || inet_pton(AF_INET, argv[1], &server.sin_addr) != 1) return 100;
  server.sin_port = htons((unsigned short)atoi(argv[2]));
  count = strtoul(argv[3], 0, 10);
  parallel = strtoul(argv[4], 0, 10);
  code = argv[5];
  line = argv + 6;
  lines = argc - 6;
  if (!parallel || parallel > SESSIONS) return 100;
  events = epoll_create1(0);
  begin = now();
  while (started < parallel && started < count) start(&sessions[started]);
  while (ended < count)
  {
    int n = epoll_wait(events, e, SESSIONS, 30000);
    if (n <= 0) return 1;
    for (int i = 0; i < n; i++)
    {
      session *s = e[i].data.ptr;
      take(s);
      if (s->fd < 0 && started < count) start(s);
    }
  }
  if (failed)
  {
    fprintf(stderr, "talk: %lu of %lu sessions did not end in %s\n", failed, count, code);
    return 1;
  }
  printf("%.1f\n", (double)count / (now() - begin));
  return 0;
}

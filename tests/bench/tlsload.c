#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

/*
 * tlsload sessions IP PORT COUNT PARALLEL full|resumed: SMTP sessions over implicit TLS (greeting, QUIT),
 * from PARALLEL processes; prints sessions a second. Fails if a session that should be resumed is not.
 * tlsload data IP PORT MEGABYTES: one message; prints megabytes a second, from DATA to its reply.
 * tlsload hold IP PORT COUNT: opens COUNT sessions, prints a line, and holds them until stdin ends.
 */

static SSL_CTX *ctx;
static SSL_SESSION *session;
static struct sockaddr_in server = {.sin_family = AF_INET};

static void die(char const *what)
{
  fprintf(stderr, "tlsload: %s: ", what);
  ERR_print_errors_fp(stderr);
  perror("");
  exit(1);
}

static int keep_session(SSL *ssl, SSL_SESSION *s)
{
  (void)ssl;
  SSL_SESSION_free(session);
  session = s;
  return 1;
}

static SSL *dial(void)
{
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  SSL *ssl = SSL_new(ctx);

  if (fd < 0 || connect(fd, (struct sockaddr *)&server, sizeof server) < 0) die("connect");
  SSL_set_fd(ssl, fd);
  if (session) SSL_set_session(ssl, session);
  if (SSL_connect(ssl) != 1) die("handshake");
  return ssl;
}

/* Reads a whole reply. */
static void expect(SSL *ssl, char const *code)
{
  char s[4096];
  size_t n = 0;
  char const *last;

  for (;;)
  {
    int r = SSL_read(ssl, s + n, (int)(sizeof s - 1 - n));
    if (r <= 0) die("reply");
    n += (size_t)r;
    s[n] = 0;
    if (s[n - 1] != '\n') continue;
    s[n - 1] = 0;
    last = strrchr(s, '\n');
    last = last ? last + 1 : s;
    if (last[3] == '-')
    {
      s[n - 1] = '\n';
      continue;
    }
    if (strncmp(last, code, 3)) die(last);
    return;
  }
}

static void say(SSL *ssl, char const *s, char const *code)
{
  if (SSL_write(ssl, s, (int)strlen(s)) <= 0) die("command");
  expect(ssl, code);
}

static void hang_up(SSL *ssl)
{
  int fd = SSL_get_fd(ssl);
  char byte;

  /* stunnel forgets a session that did not end with close-notify from both sides. */
  if (SSL_read(ssl, &byte, 1) > 0 || SSL_get_shutdown(ssl) != SSL_RECEIVED_SHUTDOWN) die("end");
  SSL_shutdown(ssl);
  SSL_free(ssl);
  close(fd);
}

static double now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void one_session(int resumed)
{
  int must = session != 0;
  SSL *ssl = dial();

  if (resumed && must && !SSL_session_reused(ssl)) die("not resumed");
  expect(ssl, "220");
  say(ssl, "QUIT\r\n", "221");
  hang_up(ssl);
}

/* One of the processes. Its first session is its own: a peer may take a ticket only once. */
static void visit(int i, int count, int parallel, int resumed)
{
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  one_session(resumed);
  for (int n = i + parallel; n < count; n += parallel) one_session(resumed);
  exit(0);
}

static void sessions(int count, int parallel, int resumed)
{
  double start = now();

  if (resumed)
  {
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, keep_session);
  }
  for (int i = 0; i < parallel; i++)
    if (!fork()) visit(i, count, parallel, resumed);
  for (int i = 0, status; i < parallel; i++)
    if (wait(&status) < 0 || status) die("a process failed");
  printf("%.1f\n", count / (now() - start));
}

static void data(size_t megabytes)
{
  static char block[1 << 16];
  SSL *ssl = dial();
  double start;

  for (size_t i = 0; i < sizeof block; i++)
    block[i] =
        "abcdefghijklmnopqrstuvwxyz0123456789+/ABCDEFGHIJKLMNOPQRSTUVWXYZ\r\n"[i % 64 < 62 ? i % 64
                                                                                           : i % 64 + 2];
  expect(ssl, "220");
  say(ssl, "EHLO load.example.test\r\n", "250");
  say(ssl, "MAIL FROM:<a@example.test>\r\n", "250");
  say(ssl, "RCPT TO:<postmaster@example.test>\r\n", "250");
  say(ssl, "DATA\r\n", "354");
  start = now();
  for (size_t n = megabytes * 16; n; n--)
    if (SSL_write(ssl, block, sizeof block) != sizeof block) die("data");
  say(ssl, "\r\n.\r\n", "250");
  printf("%.1f\n", (double)megabytes / (now() - start));
  say(ssl, "QUIT\r\n", "221");
  hang_up(ssl);
}

static void hold(int count)
{
  for (int i = 0; i < count; i++) expect(dial(), "220");
  puts("open");
  fflush(stdout);
  while (getchar() != EOF)
    ;
}

int main(int argc, char **argv)
{
  if (argc < 5) return 100;
  signal(SIGPIPE, SIG_IGN);
  inet_pton(AF_INET, argv[2], &server.sin_addr);
  server.sin_port = htons((unsigned short)atoi(argv[3]));
  ctx = SSL_CTX_new(TLS_client_method());
  if (!ctx) die("context");
  if (!strcmp(argv[1], "sessions") && argc == 7)
    sessions(atoi(argv[4]), atoi(argv[5]), !strcmp(argv[6], "resumed"));
  else if (!strcmp(argv[1], "data"))
    data((size_t)atoi(argv[4]));
  else if (!strcmp(argv[1], "hold"))
    hold(atoi(argv[4]));
  else
    return 100;
  return 0;
}

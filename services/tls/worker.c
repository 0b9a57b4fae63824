#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include <skalibs/djbunix.h>

#include <runlib/confine.h>
#include <runlib/fdpass.h>

#include "keeper-internal.h"
#include "relay-internal.h"
#include "request-internal.h"
#include "psname-internal.h"
#include "worker-internal.h"

#define LISTENER   3 /* the descriptors that a worker begins with, besides stderr */
#define KEEPER     4
#define STARTED    5
#define FILES      1024 /* bounds the user's descriptors under way in messages, too (unix(7), ETOOMANYREFS) */
#define REQUEST_MS 2000

typedef struct job_s job;
struct job_s
{
  request rq;
  int report; /* the request's connection */
  int client;
  int plain;
};

static volatile sig_atomic_t retired;
static volatile sig_atomic_t orphaned;

static void log_line(char const *about, char const *reason)
{
  char line[512];
  int n = snprintf(line, sizeof line, "tlsd: pid %d - %s: %s\n", (int)getpid(), about, reason);

  if (n > 0) (void)!write(2, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

/* All texts are much shorter than a message may be. printf would cost a session 30 us, in pages alone. */
static void add(char s[TLS_REQUEST_MAX], char const *key, char const *text)
{
  size_t n = strlen(s);

  if (n + strlen(key) + strlen(text) + 2 > TLS_REQUEST_MAX) return;
  strcpy(stpcpy(stpcpy(s + n, key), text), "\n");
}

static int say(int fd, char const *word, char const *reason)
{
  char s[TLS_REQUEST_MAX] = "";

  add(s, word, "");
  if (reason) add(s, "reason ", reason);
  return send(fd, s, strlen(s), MSG_NOSIGNAL) == (ssize_t)strlen(s) ? 0 : -1;
}

static void refuse(job const *j, char const *reason)
{
  log_line(j->rq.peer, reason);
  say(j->report, "busy", reason);
  _exit(WORKER_REFUSED);
}

/* Only letters that a name can have: the text goes into headers and environments. */
static void clean_name(char *to, size_t max, char const *name)
{
  size_t n = name ? strlen(name) : 0;

  to[0] = 0;
  if (n < max &&
      n == strspn(name ? name : "", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_"))
    memcpy(to, name ? name : "", n + 1);
}

static void say_ok(job const *j, SSL *ssl)
{
  char s[TLS_REQUEST_MAX] = "";
  char sni[256];

  clean_name(sni, sizeof sni, SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name));
  add(s, "ok", "");
  add(s, "protocol ", SSL_get_version(ssl));
  add(s, "cipher ", SSL_get_cipher_name(ssl));
  if (sni[0]) add(s, "sni ", sni);
  add(s, "resumed ", SSL_session_reused(ssl) ? "1" : "0");
  (void)send(j->report, s, strlen(s), MSG_NOSIGNAL);
}

/* What is wrong with the request, 0 if nothing. */
static char const *receive_request(job *j)
{
  char s[TLS_REQUEST_MAX];
  int fds[2];
  ssize_t n = fdpass_receive(j->report, s, sizeof s, fds, 2, 0);

  if (n <= 0) return "a request is one message of at most 1024 bytes with two descriptors";
  j->client = fds[0];
  j->plain = fds[1];
  return request_scan(s, (size_t)n, &j->rq);
}

static char const *reason(SSL *ssl, int result)
{
  char const *text;

  switch (SSL_get_error(ssl, result))
  {
    case SSL_ERROR_SYSCALL: return errno ? strerror(errno) : "the client hung up";
    case SSL_ERROR_SSL:
      if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) return "the client hung up";
      text = ERR_reason_error_string(ERR_peek_error());
      return text ? text : "protocol error";
    default: return "protocol error";
  }
}

/* Returns 0, or why the handshake failed. Ends early when the program that asked has gone. */
static char const *handshake(SSL *ssl, job const *j, unsigned int timeout)
{
  int64_t deadline = relay_now() + timeout;
  int implicit = j->rq.mode == TLS_IMPLICIT;

  for (;;)
  {
    struct pollfd p[2] = {{.fd = j->client, .events = POLLIN}, {.fd = j->report, .events = 0}};
    int64_t left = deadline - relay_now();
    ERR_clear_error();
    errno = 0;
    int r = SSL_do_handshake(ssl);
    if (r == 1) return 0;
    int want = SSL_get_error(ssl, r);
    if (want == SSL_ERROR_WANT_WRITE)
      p[0].events = POLLOUT;
    else if (want != SSL_ERROR_WANT_READ)
      return reason(ssl, r);
    if (implicit) relay_hold_back(j->client, 0);
    if (left <= 0 || !poll(p, 2, (int)left)) return "no handshake in time";
    if (implicit) relay_hold_back(j->client, 1); /* the tickets go along with the program's greeting */
    if (p[1].revents) return "the program that asked for it has gone";
  }
}

static int greet(job const *j)
{
  size_t n = strlen(j->rq.ready);

  if (say(j->report, "accepted", 0) < 0) return -1;
  return !n || send(j->client, j->rq.ready, n, MSG_NOSIGNAL) == (ssize_t)n ? 0 : -1;
}

/* A reply must not wait until the client has acknowledged the ticket before it. Not for what is no TCP socket. */
static void no_delay(int fd)
{
  int on = 1;
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static int serve(job *j, SSL *ssl, settings const *st)
{
  char const *wrong;

  if (fcntl(j->client, F_SETFL, O_NONBLOCK) < 0 || fcntl(j->plain, F_SETFL, O_NONBLOCK) < 0)
    return WORKER_UNUSED;
  BIO_set_fd(SSL_get_rbio(ssl), j->client, BIO_NOCLOSE);
  SSL_set_app_data(ssl, j->rq.name[0] ? j->rq.name : 0);
  no_delay(j->client);
  if (greet(j) < 0) return WORKER_UNUSED;
  wrong = handshake(ssl, j, st->handshake);
  close(KEEPER); /* from here on nothing is signed for this process any more */
  if (wrong)
  {
    log_line(j->rq.peer, wrong);
    say(j->report, "failed", wrong);
    return WORKER_FAILED;
  }
  say_ok(j, ssl);
  close(j->report);
  int result = SSL_session_reused(ssl) ? WORKER_RESUMED : WORKER_DONE;
  relay(ssl, j->client, j->plain, &orphaned, st->idle, st->drain);
  return result;
}

/* --- the process --- */

static void on_signal(int sig)
{
  *(sig == SIGUSR1 ? &retired : &orphaned) = 1;
}

/* No SA_RESTART: a signal must end accept and poll. */
static int handle_signals(void)
{
  struct sigaction sa = {.sa_handler = on_signal};
  pid_t parent = getppid();

  sigemptyset(&sa.sa_mask);
  signal(SIGPIPE, SIG_IGN);
  if (sigaction(SIGUSR1, &sa, 0) < 0 || sigaction(SIGUSR2, &sa, 0) < 0) return -1;
  if (prctl(PR_SET_PDEATHSIG, SIGUSR2, 0, 0, 0) < 0) return -1;
  return getppid() == parent ? 0 : -1;
}

/* Shuts all but the descriptors that it needs, which move to the places from 3 on. */
static int keep_descriptors(int listener, int keeper, int started)
{
  int l = fcntl(listener, F_DUPFD_CLOEXEC, 10);
  int k = fcntl(keeper, F_DUPFD_CLOEXEC, 10);
  int s = fcntl(started, F_DUPFD_CLOEXEC, 10);

  if (l < 0 || k < 0 || s < 0 || dup2(l, LISTENER) < 0 || dup2(k, KEEPER) < 0 || dup2(s, STARTED) < 0)
    return -1;
  return close_range(STARTED + 1, ~0u, 0);
}

static int may_ask(pool const *p, int fd)
{
  struct ucred who;
  socklen_t len = sizeof who;

  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) < 0) return 0;
  for (unsigned int i = 0; i < p->nusers; i++)
    if (who.uid == p->users[i]) return 1;
  return who.uid == 0 || who.uid == geteuid();
}

/* The pool says why, once for all. */
static void give_up(pool const *p)
{
  p->common->wrong = errno;
  _exit(WORKER_BROKEN);
}

/* Waits for a request's connection. Only here SIGUSR1 ends the process. */
static int next_connection(pool const *p)
{
  for (;;)
  {
    int fd;
    if (retired || orphaned) _exit(WORKER_UNUSED);
    fd = accept4(LISTENER, 0, 0, SOCK_CLOEXEC);
    if (fd >= 0) return fd;
    if (errno != EINTR && errno != ECONNABORTED && errno != EAGAIN) give_up(p);
  }
}

/* What is wrong with the request, 0 if nothing. */
static char const *take_job(pool const *p, job *j)
{
  struct pollfd x = {.events = POLLIN};

  j->report = next_connection(p);
  close(LISTENER);
  if (!may_ask(p, j->report)) return "you may not ask";
  x.fd = j->report;
  return poll(&x, 1, REQUEST_MS) == 1 ? receive_request(j) : "no request came";
}

/* The pool hears of it afterwards: what it counts then is right. */
static void take_place(pool const *p, job const *j)
{
  settings const *st = p->st;
  pid_t self = getpid();
  slot_answer answer = slot_take(p->common->places, st->workers, self, j->rq.key, st->per_client);

  (void)!write(STARTED, &self, sizeof self);
  close(STARTED);
  switch (answer)
  {
    case SLOT_TAKEN: return;
    case SLOT_FULL: refuse(j, "too many sessions"); break;
    case SLOT_CLIENT: refuse(j, "too many sessions of this client"); break;
  }
}

/* Nothing that other processes write to stays in reach. */
static void let_go(pool const *p)
{
  static ticket_ring tickets;

  memcpy(&tickets, &p->common->tickets, sizeof tickets);
  ticket_use(&tickets);
  munmap(p->common, sizeof *p->common);
  if (p->counted) munmap(p->counted, 4096);
}

SSL *worker_template(contexts const *cs)
{
  SSL *ssl = SSL_new(cs->ctx);
  int pair[2];
  int result = -1;

  if (!ssl || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0) return 0;
  SSL_set_read_ahead(ssl, 1);
  SSL_set_default_read_buffer_len(ssl, 65536);
  SSL_set_accept_state(ssl);
  if (SSL_set_fd(ssl, pair[0]) == 1) result = SSL_get_error(ssl, SSL_do_handshake(ssl));
  fd_close(pair[0]);
  fd_close(pair[1]);
  return result == SSL_ERROR_WANT_READ ? ssl : 0;
}

void worker_run(pool const *p, int started)
{
  job j = {.report = -1, .client = -1, .plain = -1};

  psname_set("spare", "worker");
  if (handle_signals() < 0 || keep_descriptors(p->listener, p->keeper, started) < 0 ||
      confine_resources(64 << 20, FILES, 0) < 0 || confine_calls_enter(&p->calls) < 0)
    give_up(p);
  keeper_use(KEEPER);
  char const *wrong = take_job(p, &j);
  if (wrong)
  {
    log_line("bad request", wrong);
    say(j.report, "failed", wrong);
    _exit(WORKER_UNUSED);
  }
  take_place(p, &j);
  let_go(p);
  psname_set("worker", j.rq.peer);
  _exit(serve(&j, p->ssl, p->st));
}

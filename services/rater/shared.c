#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include <skalibs/djbunix.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include "shared-internal.h"

#define CONNECT_TIME 2000 /* ms until it must be of use */
#define AGAIN_FIRST  200  /* ms until the next attempt, doubled up to */
#define AGAIN_MOST   5000
#define LATE_MOST    3 /* answers that are late one after the other: then it is away */

#define PUT(s, ...)                                                                                          \
  shared_put((s), (int)(sizeof((char const *[]){__VA_ARGS__}) / sizeof(char const *)),                       \
             (char const *[]){__VA_ARGS__}, 0)

/* --- the connection --------------------------------------------------------------------------------- */

static void hang_up(shared *s)
{
  if (s->fd >= 0) fd_close(s->fd);
  s->fd = -1;
  if (s->reader) redisReaderFree(s->reader);
  s->reader = 0;
  s->out.len = 0;
  s->state = REDIS_AWAY;
}

/* What it was told and has not confirmed, it may not have heard. */
static void keep_debts(shared *s)
{
  for (; s->head != s->tail; shared_leave(s))
    if (shared_first(s)->question.way == SHARED_ADD) shared_owe(s, &shared_first(s)->question);
}

static void part(shared *s, char const *why)
{
  if (s->state == REDIS_THERE || !s->said)
    strerr_warnw("Redis is away: ", why, ": limits are this machine's own until it is back");
  s->said = 1;
  hang_up(s);
  shared_hurry(s);
  keep_debts(s);
  s->at = s->now + s->pause;
  s->pause = s->pause * 2 > AGAIN_MOST ? AGAIN_MOST : s->pause * 2;
  s->late_now = 0;
}

static int greet(shared *s)
{
  char db[UINT_FMT];
  char const *auth[3] = {"AUTH", s->user.s, s->password.s};

  db[uint_fmt(db, s->url.db)] = 0;
  s->setup = 2;
  if (s->password.len &&
      shared_put(s, s->user.len ? 3 : 2, s->user.len ? auth : (char const *[]){"AUTH", s->password.s}, 0) < 0)
    return -1;
  s->setup += s->password.len > 0;
  if (PUT(s, "SELECT", db) < 0) return -1;
  return PUT(s, "SCRIPT", "LOAD", shared_script);
}

static void call(shared *s, redis_place const *to, redis_state state)
{
  s->calls++;
  s->at = s->now + CONNECT_TIME;
  s->state = state;
  s->reader = redisReaderCreate();
  s->fd = socket(to->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (s->fd < 0 || !s->reader ||
      (connect(s->fd, (struct sockaddr const *)&to->sa, to->len) < 0 && errno != EINPROGRESS))
    part(s, strerror(errno));
  else if ((state == REDIS_SENTINEL ? PUT(s, "SENTINEL", "get-master-addr-by-name", s->url.master)
                                    : greet(s)) < 0)
    part(s, "out of memory");
}

static void begin(shared *s)
{
  redis_place const *to = &s->url.places[s->next++ % s->url.n];

  call(s, to, s->url.master[0] ? REDIS_SENTINEL : REDIS_SETUP);
}

/* The sentinel's answer: where the master is. */
static void hear_sentinel(shared *s, redisReply const *r)
{
  redis_place master;

  if (r->type != REDIS_REPLY_ARRAY || r->elements != 2 || r->element[0]->type != REDIS_REPLY_STRING ||
      r->element[1]->type != REDIS_REPLY_STRING ||
      redis_place_make(&master, r->element[0]->str, r->element[1]->str) < 0)
  {
    part(s, "the sentinel knows no such master");
    return;
  }
  hang_up(s);
  call(s, &master, REDIS_SETUP);
}

static void hear_setup(shared *s, redisReply const *r)
{
  if (r->type == REDIS_REPLY_ERROR)
  {
    part(s, r->str);
    return;
  }
  if (--s->setup) return;
  if (r->type != REDIS_REPLY_STRING || !stralloc_copyb(&s->script, r->str, r->len) || !stralloc_0(&s->script))
  {
    part(s, "it took no script");
    return;
  }
  s->state = REDIS_THERE;
  s->pause = AGAIN_FIRST;
  if (s->said) strerr_warni("Redis is there: limits are shared");
  s->said = 0;
  shared_pay(s, s->now);
}

static void hear_verdict(shared *s, redisReply const *r)
{
  waiting *w = shared_first(s);
  verdict v = {.refused = 0};
  long long ms;

  if (s->head == s->tail || r->type != REDIS_REPLY_ARRAY || r->elements != 3 ||
      r->element[2]->type != REDIS_REPLY_INTEGER)
  {
    part(s, r->type == REDIS_REPLY_ERROR ? r->str : "it answers nonsense");
    return;
  }
  v.refused = !r->element[0]->integer;
  v.n = (uint64_t)r->element[1]->integer;
  ms = r->element[2]->integer;
  v.retry = ms < 0 ? VERDICT_NEVER : (uint32_t)((ms + 999) / 1000);
  shared_cache(s, &w->question, &v, ms);
  if (!w->late)
    s->late_now = 0;
  else if (!v.refused && w->question.way <= SHARED_STRICT)
  {
    /* Decided here by then, and owed if it was admitted. */
    shared_question q = w->question;
    q.way = SHARED_UNDO;
    (void)shared_wait(s, &q, 0, s->now);
  }
  shared_tell(s, w, &v);
  shared_leave(s);
}

static void hear(shared *s)
{
  char buf[16384];
  ssize_t n = recv(s->fd, buf, sizeof buf, MSG_DONTWAIT);
  void *reply = 0;

  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0)
  {
    part(s, n ? strerror(errno) : "it closed the connection");
    return;
  }
  if (redisReaderFeed(s->reader, buf, (size_t)n) != REDIS_OK)
  {
    part(s, "it answers nonsense");
    return;
  }
  while (s->reader && redisReaderGetReply(s->reader, &reply) == REDIS_OK && reply)
  {
    if (s->state == REDIS_SENTINEL)
      hear_sentinel(s, reply);
    else if (s->state == REDIS_SETUP)
      hear_setup(s, reply);
    else
      hear_verdict(s, reply);
    freeReplyObject(reply);
    reply = 0;
  }
  if (s->reader && s->reader->err) part(s, "it answers nonsense");
}

static void flush(shared *s)
{
  ssize_t n = s->fd >= 0 && s->out.len ? send(s->fd, s->out.s, s->out.len, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;

  if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ENOTCONN)
  {
    part(s, strerror(errno));
    return;
  }
  if (n <= 0) return;
  s->out.len -= (size_t)n;
  memmove(s->out.s, s->out.s + n, s->out.len);
}

/* Those who have waited long enough are answered without; when that happens again and again, it is away. */
static uint64_t expire(shared *s)
{
  unsigned int i = s->head;

  for (; i != s->tail && s->line[i % SHARED_WAITING].due <= s->now; i++)
  {
    waiting *w = &s->line[i % SHARED_WAITING];
    if (!w->who) continue;
    w->late = 1;
    s->late++;
    if (++s->late_now == LATE_MOST)
    {
      part(s, "its answers are late");
      return s->at;
    }
    shared_tell(s, w, 0);
  }
  while (i != s->tail && !s->line[i % SHARED_WAITING].who) i++;
  return i == s->tail ? UINT64_MAX : s->line[i % SHARED_WAITING].due;
}

uint64_t shared_turn(shared *s, uint64_t now)
{
  uint64_t next;

  s->now = now;
  if (s->state != REDIS_AWAY) hear(s);
  if (s->state == REDIS_AWAY && now >= s->at) begin(s);
  if (s->state != REDIS_AWAY && s->state != REDIS_THERE && now >= s->at) part(s, "it does not answer");
  if (s->state == REDIS_THERE && genalloc_len(debt, &s->debts)) shared_pay(s, now);
  flush(s);
  next = expire(s);
  return s->state == REDIS_THERE || s->at > next ? next : s->at;
}

int shared_fd(shared const *s, int *writes, unsigned int *which)
{
  *which = s->calls;
  *writes = s->out.len > 0;
  return s->fd;
}

void shared_count(shared const *s, shared_stats *to)
{
  *to = (shared_stats){.asked = s->asked,
                       .late = s->late,
                       .cached = s->cached,
                       .owed = genalloc_len(debt, &s->debts),
                       .away = s->state != REDIS_THERE};
}

void shared_forked(shared *s)
{
  shared_hurry(s);
  hang_up(s);
  keep_debts(s);
  s->at = 0;
}

/* `PASSWORD` or `USER PASSWORD`. */
static int read_password(shared *s, char const *file)
{
  stralloc sa = STRALLOC_ZERO;
  size_t n, blank;
  int ok;

  if (!openreadfileclose(file, &sa, 4096)) return -1;
  for (n = 0; n < sa.len && sa.s[n] != '\n'; n++) continue;
  for (blank = 0; blank < n && sa.s[blank] != ' '; blank++) continue;
  if (blank < n)
    ok = stralloc_copyb(&s->user, sa.s, blank) && stralloc_0(&s->user) &&
         stralloc_copyb(&s->password, sa.s + blank + 1, n - blank - 1);
  else
    ok = stralloc_copyb(&s->password, sa.s, n);
  ok = ok && stralloc_0(&s->password);
  stralloc_free(&sa);
  return ok ? 0 : -1;
}

shared *shared_new(char const *what, char const *password, unsigned int timeout,
                   void (*told)(void *who, verdict const *v), char const **wrong)
{
  shared *s = calloc(1, sizeof *s);

  *wrong = 0;
  if (!s) return 0;
  s->fd = -1;
  s->timeout = timeout;
  s->told = told;
  s->pause = AGAIN_FIRST;
  *wrong = redis_url_scan(what, &s->url);
  if (!*wrong && (!password || read_password(s, password) == 0)) return s;
  free(s);
  return 0;
}

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/posixplz.h>
#include <skalibs/selfpipe.h>
#include <skalibs/sig.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include <runlib/become.h>
#include <runlib/ready.h>
#include <runlib/reload.h>

#include "door.h"
#include "listen.h"
#include "options.h"
#include "server-internal.h"

#define RULES_FILE_MAX (1u << 20)

static void say(char const *s, size_t n)
{
  char line[1024];
  int len = snprintf(line, sizeof line, "raterd: info: %.*s\n", (int)n, s);
  if (len > 0 && write(2, line, (size_t)len < sizeof line ? (size_t)len : sizeof line - 1) < 0) return;
}

/* Reads the rules; logs all that is wrong with them. 0: they are bad, or cannot be read. */
static rules *read_rules(char const *file)
{
  stralloc text = STRALLOC_ZERO, errors = STRALLOC_ZERO;
  rules *r = calloc(1, sizeof *r);

  if (!r || !openreadfileclose(file, &text, RULES_FILE_MAX))
  {
    strerr_warnwusys("read ", file);
    free(r);
    return 0;
  }
  if (rules_parse(r, file, text.s, text.len, &errors) < 0)
  {
    if (errno != EINVAL)
      strerr_warnwusys("read ", file);
    else
      for (char *s = errors.s, *end; s < errors.s + errors.len; s = end + 1)
      {
        end = memchr(s, '\n', (size_t)(errors.s + errors.len - s));
        *end = 0;
        strerr_warnw(s);
      }
    rules_free(r);
    free(r);
    r = 0;
  }
  stralloc_free(&text);
  stralloc_free(&errors);
  return r;
}

static void reload(server *s, char const *file)
{
  engine *e = s->engine;
  rules *r = read_rules(file);
  char fmt[UINT_FMT];

  if (!r)
  {
    strerr_warnwu(RELOAD_KEPT "keeping the rules as they were");
    return;
  }
  fmt[uint_fmt(fmt, r->total)] = 0;
  server_hurry(s);
  engine_rules(e, r);
  strerr_warni(RELOAD_DONE ": rules read: ", fmt);
}

/* patience: how often to look, each 20 ms, until another raterd is gone. */
static void open_table(engine *e, options const *o, unsigned int patience)
{
  static struct timespec const moment = {.tv_nsec = 20000000};
  table_news news;

  while (table_open(&e->table, o->table, o->keys, &news) < 0)
  {
    if (errno == EBUSY && patience--)
    {
      nanosleep(&moment, 0);
      continue;
    }
    if (errno == EBUSY) strerr_dief(111, "another raterd uses ", o->table);
    strerr_diefusys(111, news.failed, o->table ? " " : "", o->table ? o->table : "");
  }
  if (news.aside)
    strerr_warnw(o->table, ": ", news.aside, ": set aside as ", o->table, ".bad; counting begins anew");
  if (news.resized) strerr_warni(o->table, ": changed to another size, counts kept");
}

static void listen_local(server *s, char const *path, unsigned int mode, unsigned int may)
{
  if (listen_unix(s, path, mode, may) == 0) return;
  if (errno == EADDRINUSE) strerr_dief(111, "another daemon listens on ", path);
  strerr_diefusys(111, "listen on ", path);
}

static void listen_remote(server *s, char const *text, unsigned int may)
{
  int fds[2];
  char const *why;
  unsigned int n = door_listen(text, fds, &why);

  if (!n && why) strerr_dief(100, text, ": ", why);
  if (!n) strerr_diefusys(111, "listen on ", text);
  for (unsigned int i = 0; i < n; i++)
    if (server_listen(s, fds[i], may) < 0) strerr_diefusys(111, "listen on ", text);
}

static void listen_all(server *s, options const *o)
{
  if (o->socket) listen_local(s, o->socket, o->mode, 0);
  if (o->inherited && listen_inherited(s, (int)o->inherited - 1) < 0)
    strerr_diefusys(111, "listen on the socket of -u");
  for (unsigned int i = 0; i < o->n; i++) listen_remote(s, o->tcp[i], ASKER_TCP);
  for (unsigned int i = 0; i < o->n_policy; i++)
    if (strchr(o->policy[i], '/'))
      listen_local(s, o->policy[i], o->mode, ASKER_POLICY);
    else
      listen_remote(s, o->policy[i], ASKER_POLICY);
}

static void allow_clients(unsigned int n)
{
  struct rlimit rl;
  rlim_t need = (rlim_t)n + 64;
  char fmt[UINT_FMT];

  if (getrlimit(RLIMIT_NOFILE, &rl) < 0 || rl.rlim_cur >= need) return;
  rl.rlim_cur = rl.rlim_max < need ? rl.rlim_max : need;
  fmt[uint_fmt(fmt, n)] = 0;
  if (setrlimit(RLIMIT_NOFILE, &rl) < 0 || rl.rlim_cur < need)
    strerr_warnw("the limit of open files is too low for ", fmt, " clients");
}

/* Returns 1 if it is time to end. */
static int handle_signals(server *s, options const *o)
{
  int end = 0;

  for (;;) switch (selfpipe_read())
    {
      case -1: strerr_diefusys(111, "read a signal");
      case 0: return end;
      case SIGHUP: reload(s, o->rules); break;
      default: end = 1;
    }
}

static void trap_signals(server *s)
{
  sigset_t signals;
  int fd = selfpipe_init();

  sigemptyset(&signals);
  sigaddset(&signals, SIGHUP);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  if (fd < 0 || selfpipe_trapset(&signals) < 0 || !sig_ignore(SIGPIPE)) strerr_diefusys(111, "trap signals");
  if (server_watch(s, fd) < 0) strerr_diefusys(111, "watch for signals");
}

/* Somebody has truncated the table's file. */
static void remake_table(server *s, options const *o)
{
  engine *e = s->engine;

  server_hurry(s);
  strerr_warnw(o->table, ": it was truncated by another: counting begins anew");
  if (table_remake(&e->table, o->table) < 0)
    strerr_warnwusys("make table ", o->table, " again: counting in memory");
  engine_boards(e);
}

/* --- the process that stands by --------------------------------------------------------------------- */

static void forked(void *data)
{
  server *s = data;

  server_forked(s);
  table_unlock(&s->engine->table);
}

/* In the place of a process that has ended; what that one did with the table and with HUP is looked at now. */
static void succeed(server *s, engine *e, options const *o)
{
  strerr_warni("in the place of a process that has ended");
  if (server_succeed(s) < 0) strerr_diefusys(111, "wait for clients");
  trap_signals(s);
  if (o->table)
  {
    table_close(&e->table);
    open_table(e, o, 250);
  }
  reload(s, o->rules);
  engine_boards(e);
  blocker_free(&e->blocker);
  if (o->blocks) blocker_open(&e->blocker, o->blocks);
}

static void stand(server *s, engine *e, options const *o)
{
  door_role role;

  while ((role = door_stand(&forked, s)) == DOOR_NEXT) succeed(s, e, o);
  if (role == DOOR_SHUT) _exit(0);
  if (door_fd() >= 0 && server_watch(s, door_fd()) < 0) strerr_diefusys(111, "watch the standby");
}

static void serve(server *s, engine *e, options const *o)
{
  while (!server_done(s))
  {
    int r = server_turn(s), event;
    if (e->table.lost) remake_table(s, o);
    if (r < 0) strerr_diefusys(111, "wait for clients");
    if (!r || s->end_by) continue;
    event = door_event();
    if (event == 2) stand(s, e, o);
    if (event != 1 && !handle_signals(s, o)) continue;
    if (o->socket) unlink_void(o->socket);
    server_end(s);
  }
}

static void become_user(options const *o)
{
  become b;

  if (!o->environment) return;
  if (become_environment(&b) < 0) strerr_dief(100, "-U: no UID and GID (s6-envuidgid sets them)");
  if (become_them(&b) < 0) strerr_diefusys(111, "change user");
}

static void share(engine *e, options const *o)
{
  char const *wrong;

  if (!o->redis) return;
  e->share = o->share;
  e->shared = shared_new(o->redis, o->password, o->redis_ms, &client_told, &wrong);
  if (e->shared) return;
  if (wrong) strerr_dief(100, "-S ", o->redis, ": ", wrong);
  strerr_diefusys(111, "read ", o->password ? o->password : "");
}

int main(int argc, char const *const *argv)
{
  static options o = {.redis_ms = 20, .share = 50, .mode = 0666, .clients = 1000, .keys = 100000};
  static engine e = ENGINE_ZERO;
  static server s = SERVER_ZERO;
  rules *r;

  PROG = "raterd";
  options_parse(&o, argc, argv);
  r = read_rules(o.rules);
  if (!r) strerr_dief(102, "no good rules in ", o.rules);
  allow_clients(o.clients);
  if (server_init(&s, &e, o.clients) < 0) strerr_diefusys(111, "prepare to wait");
  if (o.door && door_open(o.door) < 0) strerr_diefusys(111, "take over at ", o.door);
  listen_all(&s, &o);
  become_user(&o);
  open_table(&e, &o, 0);
  engine_rules(&e, r);
  share(&e, &o);
  if (o.blocks) blocker_open(&e.blocker, o.blocks);
  e.log = &say;
  e.now = e.started = table_tick(&e.table);
  trap_signals(&s);
  if (o.ready && ready_notify((int)o.ready) < 0) strerr_warnwusys("tell readiness");
  strerr_warni("ready");
  stand(&s, &e, &o);
  serve(&s, &e, &o);
  server_free(&s);
  engine_free(&e);
  return 0;
}

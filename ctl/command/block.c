#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/types.h>

#include <runlib/block.h>
#include <runlib/field.h>
#include <runlib/linefile.h>
#include <runlib/rater.h>
#include <runlib/run.h>

#include <services/contract/service.h>

#include <ctl/command/command.h>
#include <ctl/live/lock.h>
#include <ctl/machine/load.h>
#include <ctl/say.h>
#include <ctl/words.h>

/*
 * Who is blocked at the door: STATE/blocks, which is this command's and whoever edits it by hand, and
 * STATE/rater/blocks, which is raterd's, and is changed by asking raterd.
 */

#define LOCK_TIMEOUT 60000 /* ms */
#define PATIENCE     2000
#define REASON_MAX   200

typedef struct blocking_s blocking;
struct blocking_s
{
  stored s;
  char *file;  /* STATE/blocks */
  char *rater; /* STATE/rater/blocks */
  char *socket;
};
#define BLOCKING_ZERO                                                                                        \
  {                                                                                                          \
    .s = STORED_ZERO                                                                                         \
  }

/* --- list ---------------------------------------------------------------------------------------- */

static void print_one(block const *b, char const *by, uint64_t now)
{
  char name[NET_FMT], left[WORDS_MAX] = "for good", reason[REASON_MAX + 1];

  nets_fmt(name, &b->net);
  if (b->net.until != NET_EVER) words_span(left, 1000 * (b->net.until - now));
  field_clean(reason, sizeof reason - 1, b->reason,
              strlen(b->reason)); /* raterd's may be somebody else's by now */
  printf("%-28s%-8s%-10s%-8s%s\n", name, b->pass ? "never" : "blocked", left, by, reason);
}

typedef struct listing_s listing;
struct listing_s
{
  char const *file, *by;
  uint64_t now;
};

static void list_line(void *data, block const *b, unsigned int line)
{
  listing const *l = data;
  char number[UINT_FMT];

  if (b && b->net.until > l->now) print_one(b, l->by, l->now);
  if (b) return;
  number[uint_fmt(number, line)] = 0;
  say(l->file, ":", number, ": not NETWORK block|pass UNTIL REASON");
}

static int list_file(char const *file, char const *by)
{
  listing l = {.file = file, .by = by, .now = (uint64_t)time(0)};

  if (block_read(file, &list_line, &l) == 0) return 0;
  say_cannot("read ", file);
  return EXIT_SYSTEM;
}

static int list(blocking const *b)
{
  int status = list_file(b->file, "hand");

  return status ? status : list_file(b->rater, "rater");
}

/* --- watch ----------------------------------------------------------------------------------------- */

#define HOOK_PATIENCE 30000 /* ms */

typedef struct telling_s telling;
struct telling_s
{
  stralloc text;
  uint64_t now;
  int failed;
};

static void tell_line(void *data, block const *b, unsigned int line)
{
  telling *t = data;
  char text[NET_FMT + 64], name[NET_FMT], left[UINT64_FMT] = "-";

  (void)line;
  if (!b || b->net.until <= t->now) return;
  nets_fmt(name, &b->net);
  if (b->net.until != NET_EVER) left[uint64_fmt(left, b->net.until - t->now)] = 0;
  snprintf(text, sizeof text, "%s %s %s\n", b->pass ? "pass" : "block", name, left);
  t->failed |= !stralloc_cats(&t->text, text);
}

/* The program gets the whole list, so that nothing it missed once is missing for good. */
static void tell(blocking const *b, char const *const *program)
{
  telling t = {.text = STRALLOC_ZERO, .now = (uint64_t)time(0)};
  int r;

  if (block_read(b->file, &tell_line, &t) < 0 || block_read(b->rater, &tell_line, &t) < 0 || t.failed)
    say_cannot("read who is blocked");
  else if ((r = run_wait(program, t.text.s, t.text.len, 0, HOOK_PATIENCE)) < 0)
    say_cannot("run ", program[0]);
  else if (r)
    say(program[0], " failed");
  stralloc_free(&t.text);
}

static int watch(blocking const *b, char const *const *program)
{
  int in = inotify_init1(IN_CLOEXEC);
  char events[4096];

  if (in < 0 || inotify_add_watch(in, b->s.b.state, IN_MOVED_TO | IN_CLOSE_WRITE) < 0)
  {
    say_cannot("watch ", b->s.b.state);
    return EXIT_SYSTEM;
  }
  *strrchr(b->rater, '/') = 0; /* its directory */
  (void)inotify_add_watch(in, b->rater, IN_MOVED_TO);
  b->rater[strlen(b->rater)] = '/';
  do tell(b, program);
  while (read(in, events, sizeof events) > 0 || errno == EINTR);
  say_cannot("watch ", b->s.b.state);
  return EXIT_SYSTEM;
}

/* --- add ------------------------------------------------------------------------------------------ */

typedef struct addition_s addition;
struct addition_s
{
  net net;
  int pass;
  char reason[REASON_MAX];
};

static int parse(addition *e, int argc, char const *const *argv)
{
  key const time_key = {.name = "--for", .type = KEY_TIME, .min = 1000, .max = 31536000000};
  uint64_t n, until = NET_EVER;
  int addresses = 0;

  for (int i = 2; i < argc; i++)
  {
    if (!strcmp(argv[i], "--never"))
      e->pass = 1;
    else if (!strcmp(argv[i], "--for") && i + 1 < argc && !key_number(&time_key, argv[i + 1], &n))
    {
      until = (uint64_t)time(0) + n / 1000;
      i++;
    }
    else if (!strcmp(argv[i], "--reason") && i + 1 < argc)
    {
      i++;
      field_clean(e->reason, sizeof e->reason - 1, argv[i], strlen(argv[i]));
    }
    else if (argv[i][0] == '-')
      return usage_error("block", "--for TIME (1s to 365d), --reason TEXT or --never");
    else if (addresses++ || !nets_scan(argv[i], &e->net))
      return usage_error("block", "one address: such as 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32");
  }
  if (!addresses) return usage_error("block", "add takes an address");
  e->net.until = until;
  return 0;
}

static int net_same(net const *n, net const *m)
{
  return n->bits == m->bits && !memcmp(n->ip, m->ip, sizeof n->ip);
}

typedef struct block_edit_s block_edit;
struct block_edit_s
{
  net const *net;
  char const *line; /* what it is to say of net; empty: nothing */
  int found;        /* it did say something */
};

/* All lines but those about net stay as they are. */
static int edit(stralloc *out, char const *text, size_t len, void *data)
{
  block_edit *c = data;
  char line[1024];
  block one;

  for (size_t n, room; len; text += n, len -= n)
  {
    char const *end = memchr(text, '\n', len);
    n = end ? (size_t)(end - text) + 1 : len;
    room = n - !!end < sizeof line ? n - !!end : sizeof line - 1;
    memcpy(line, text, room);
    line[room] = 0;
    if (block_scan(line, &one) > 0 && net_same(&one.net, c->net))
      c->found = 1;
    else if (!stralloc_catb(out, text, n))
      return -1;
  }
  if (out->len && out->s[out->len - 1] != '\n' && !stralloc_append(out, '\n')) return -1;
  return stralloc_cats(out, c->line) ? c->found || *c->line : -1;
}

/* Has the file say this of n, and nothing else. */
static int replace(blocking const *b, net const *n, char const *line, int *found)
{
  block_edit c = {.net = n, .line = line};
  linefile const l = {.edit = &edit, .data = &c, .uid = (uid_t)-1, .gid = (gid_t)-1, .mode = 0644};

  if (linefile_update(b->file, &l) < 0)
  {
    say_cannot("write ", b->file);
    return EXIT_SYSTEM;
  }
  *found = c.found;
  return 0;
}

static int add(blocking *b, int argc, char const *const *argv)
{
  addition e = {.pass = 0};
  char name[NET_FMT], until[BLOCK_TIME], line[NET_FMT + BLOCK_TIME + REASON_MAX + 16];
  int found, status = parse(&e, argc, argv);

  if (status) return status;
  nets_fmt(name, &e.net);
  block_time(until, e.net.until);
  snprintf(line, sizeof line, "%s %s %s%s%s\n", name, e.pass ? "pass" : "block", until, *e.reason ? " " : "",
           e.reason);
  return replace(b, &e.net, line, &found);
}

/* --- del ------------------------------------------------------------------------------------------ */

/* raterd forgets what it counted, and with it the block: its reason begins with the class. */
static int ask_rater(blocking *b, char const *class, char const *name)
{
  rater_connection c = RATER_CONNECTION(b->socket);
  char line[RATER_LINE_MAX], answer[128];
  long n = rater_exchange(&c, line, (size_t)snprintf(line, sizeof line, "!reset %s %s", class, name), answer,
                          sizeof answer, PATIENCE);

  rater_close(&c);
  if (n >= 1 && answer[0] == '0') return 0;
  if (n < 0)
    say_cannot("ask raterd, whose block it is");
  else
    say("raterd says: ", answer);
  return EXIT_SYSTEM;
}

typedef struct lifting_s lifting;
struct lifting_s
{
  blocking *b;
  net const *net;
  int found;
  int status;
};

static void lift_line(void *data, block const *one, unsigned int line)
{
  lifting *l = data;
  char class[33], name[NET_FMT];

  (void)line;
  if (!one || !net_same(&one->net, l->net) || sscanf(one->reason, "%32s", class) != 1) return;
  nets_fmt(name, l->net);
  l->found = 1;
  if (!l->status) l->status = ask_rater(l->b, class, name);
}

static int del(blocking *b, int argc, char const *const *argv)
{
  net n;
  lifting l = {.b = b, .net = &n};
  int found = 0, status;

  if (argc != 3 || !nets_scan(argv[2], &n))
    return usage_error("block", "del takes an address, as list shows it");
  status = replace(b, &n, "", &found);
  if (status) return status;
  if (block_read(b->rater, &lift_line, &l) < 0)
  {
    say_cannot("read ", b->rater);
    return EXIT_SYSTEM;
  }
  if (found || l.found) return l.status;
  say("block: ", argv[2], " is not in the list");
  return EXIT_NO;
}

/* --------------------------------------------------------------------------------------------------- */

static int begin(blocking *b, context const *cx)
{
  int status = stored_load(&b->s, cx);

  if (status || (asprintf(&b->file, "%s/blocks", b->s.b.state) >= 0 &&
                 asprintf(&b->rater, "%s/rater/blocks", b->s.b.state) >= 0 &&
                 asprintf(&b->socket, "%s/rater.sock", b->s.b.run) >= 0))
    return status;
  say_cannot("use ", b->s.b.state);
  return EXIT_SYSTEM;
}

static int change(blocking *b, int argc, char const *const *argv)
{
  int lock = lock_take(b->s.b.state, "block", LOCK_TIMEOUT, 0), status;

  if (lock < 0)
  {
    if (errno != EPERM) say_cannot("lock ", b->s.b.state);
    return errno == ETIMEDOUT ? EXIT_TIMEOUT : EXIT_SYSTEM;
  }
  status = !strcmp(argv[1], "add") ? add(b, argc, argv) : del(b, argc, argv);
  fd_close(lock);
  return status;
}

int command_block(context const *cx, int argc, char const *const *argv)
{
  blocking b = BLOCKING_ZERO;
  int status, changes = argc > 1 && (!strcmp(argv[1], "add") || !strcmp(argv[1], "del"));
  int watches = argc > 2 && !strcmp(argv[1], "watch");

  if (!changes && !watches && (argc > 2 || (argc == 2 && strcmp(argv[1], "list"))))
    return usage_error("block", "it takes list, add, del or watch PROGRAM, and nothing behind list");
  status = begin(&b, cx);
  if (!status) status = changes ? change(&b, argc, argv) : watches ? watch(&b, argv + 2) : list(&b);
  free(b.file);
  free(b.rater);
  free(b.socket);
  stored_free(&b.s);
  return status;
}

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/types.h>

#include <runlib/walk.h>

#include <ctl/command/command.h>
#include <ctl/live/logfiles.h>
#include <ctl/live/logs.h>
#include <ctl/machine/load.h>
#include <ctl/say.h>

typedef struct options_s options;
struct options_s
{
  char const *name;
  unsigned int lines;
  int follow;
};

static int parse(options *o, int argc, char const *const *argv)
{
  o->lines = 50;
  for (int i = 1; i < argc; i++)
  {
    if (!strcmp(argv[i], "-f"))
      o->follow = 1;
    else if (!strcmp(argv[i], "-n") && i + 1 < argc && uint0_scan(argv[i + 1], &o->lines))
      i++;
    else if (argv[i][0] == '-' || o->name)
      return usage_error(argv[0], "NAME, and -f or -n LINES");
    else
      o->name = argv[i];
  }
  return o->name ? 0 : usage_error(argv[0], "whose? a service's name, or `supervisor`");
}

static int print(char const *s, size_t len)
{
  stralloc sa = STRALLOC_ZERO;
  int result = logs_human(&sa, s, len, "") < 0 || allwrite(1, sa.s, sa.len) < sa.len ? -1 : 0;

  stralloc_free(&sa);
  return result;
}

/* Prints the whole lines from there on; the rest of a line waits for its end. */
static int print_new(logs_place *p)
{
  char buf[65536];
  ssize_t n;

  while ((n = pread(p->fd, buf, sizeof buf, p->at)) > 0)
  {
    char const *end = memrchr(buf, '\n', (size_t)n);
    size_t len = end ? (size_t)(end - buf) + 1 : (size_t)n == sizeof buf ? sizeof buf : 0;
    if (!len) return 0;
    if (print(buf, len) < 0) return -1;
    p->at += (off_t)len;
  }
  return n < 0 ? -1 : 0;
}

/* What is there by now, into the files that s6-log went on to. */
static int catch_up(int dir, logs_place *p)
{
  int next;

  while ((next = logfiles_next(dir, p->fd)) >= 0)
  {
    int r = p->fd < 0 ? 0 : print_new(p);
    if (p->fd >= 0) fd_close(p->fd);
    *p = (logs_place){.fd = next};
    if (r < 0) return -1;
  }
  if (errno != ENOENT) return -1;
  return p->fd < 0 ? 0 : print_new(p);
}

static int follow(int dir, char const *path, logs_place *p)
{
  char events[4096];
  int in = inotify_init1(IN_CLOEXEC);

  if (in >= 0 && inotify_add_watch(in, path, IN_MODIFY | IN_CREATE | IN_MOVED_FROM) >= 0)
    while (catch_up(dir, p) >= 0 && (read(in, events, sizeof events) >= 0 || errno == EINTR))
      ;
  if (in >= 0) fd_close(in);
  return -1;
}

static int show(options const *o, char const *path)
{
  logs_place p = LOGS_PLACE_ZERO;
  stralloc sa = STRALLOC_ZERO;
  int dir = walk_directory(AT_FDCWD, path);
  int status = 0;

  if (dir < 0 || logs_tail_at(&sa, dir, o->lines, o->follow ? &p : 0) < 0)
  {
    say_cannot("read the log in ", path);
    if (errno == EACCES) say("it may be read by its owner and group alone");
    status = EXIT_SYSTEM;
  }
  else if (print(sa.s, sa.len) < 0 || (o->follow && follow(dir, path, &p) < 0))
  {
    if (errno != EPIPE) say_cannot("show the log in ", path);
    status = EXIT_SYSTEM;
  }
  if (p.fd >= 0) fd_close(p.fd);
  if (dir >= 0) fd_close(dir);
  stralloc_free(&sa);
  return status;
}

int command_log(context const *cx, int argc, char const *const *argv)
{
  options o = {.name = 0};
  stored s = STORED_ZERO;
  stralloc dir = STRALLOC_ZERO;
  int status = parse(&o, argc, argv);

  if (!status) status = stored_load(&s, cx);
  if (!status && strcmp(o.name, "supervisor") && !generation_find(&s.g, o.name))
  {
    say("no service is called ", o.name, " in what was brought up last");
    status = EXIT_USAGE;
  }
  if (!status)
    status = service_append(&dir, "%s/%s", s.b.log, o.name) < 0 || !stralloc_0(&dir) ? EXIT_SYSTEM
                                                                                     : show(&o, dir.s);
  stralloc_free(&dir);
  stored_free(&s);
  return status;
}

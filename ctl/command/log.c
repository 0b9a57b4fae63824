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

static int print(void *data, char const *s, size_t len)
{
  stralloc sa = STRALLOC_ZERO;
  int result = logs_human(&sa, s, len, "") < 0 || allwrite(1, sa.s, sa.len) < sa.len ? -1 : 0;

  (void)data;
  stralloc_free(&sa);
  return result;
}

static int follow(int dir, char const *path, logs_place *p)
{
  char events[4096];
  int in = inotify_init1(IN_CLOEXEC);

  if (in >= 0 && inotify_add_watch(in, path, IN_MODIFY | IN_CREATE | IN_MOVED_FROM) >= 0)
    while (logs_more(dir, p, &print, 0) >= 0 && (read(in, events, sizeof events) >= 0 || errno == EINTR))
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
  else if (print(0, sa.s, sa.len) < 0 || (o->follow && follow(dir, path, &p) < 0))
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

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/types.h>

#include <ctl/command.h>
#include <ctl/load.h>
#include <ctl/logs.h>
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

/* Prints the whole lines from *at on; the rest of a line waits for its end. */
static int print_new(int fd, off_t *at)
{
  char buf[65536];
  ssize_t n;

  while ((n = pread(fd, buf, sizeof buf, *at)) > 0)
  {
    char const *end = memrchr(buf, '\n', (size_t)n);
    size_t len = end ? (size_t)(end - buf) + 1 : (size_t)n == sizeof buf ? sizeof buf : 0;
    if (!len) return 0;
    if (print(buf, len) < 0) return -1;
    *at += (off_t)len;
  }
  return n < 0 ? -1 : 0;
}

static int is_same_file(int fd, char const *path)
{
  struct stat a, b;
  return fstat(fd, &a) >= 0 && stat(path, &b) >= 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

/* From the end of `current` on, into the files that s6-log rotates to. */
static int follow(char const *dir, off_t at)
{
  char events[4096];
  stralloc current = STRALLOC_ZERO;
  int in = inotify_init1(IN_CLOEXEC);
  int fd = -1;

  if (!stralloc_cats(&current, dir) || !stralloc_cats(&current, "/current") || !stralloc_0(&current) ||
      in < 0 || inotify_add_watch(in, dir, IN_MODIFY | IN_CREATE | IN_MOVED_FROM) < 0)
    goto end;
  while (fd >= 0 || (fd = openc_read(current.s)) >= 0 || errno == ENOENT)
  {
    if (fd >= 0 && print_new(fd, &at) < 0) break;
    if (fd >= 0 && !is_same_file(fd, current.s))
    {
      if (print_new(fd, &at) < 0) break;
      fd_close(fd);
      fd = -1;
      at = 0;
      if (!access(current.s, F_OK)) continue;
    }
    if (read(in, events, sizeof events) < 0 && errno != EINTR) break;
  }
end:
  if (in >= 0) fd_close(in);
  if (fd >= 0) fd_close(fd);
  stralloc_free(&current);
  return -1;
}

static off_t size_of_current(char const *dir)
{
  stralloc sa = STRALLOC_ZERO;
  struct stat st = {.st_size = 0};

  if (stralloc_cats(&sa, dir) && stralloc_cats(&sa, "/current") && stralloc_0(&sa) && stat(sa.s, &st) < 0)
    st.st_size = 0;
  stralloc_free(&sa);
  return st.st_size;
}

static int show(options const *o, char const *dir)
{
  stralloc sa = STRALLOC_ZERO;
  off_t at = size_of_current(dir);
  int status = 0;

  if (logs_tail(&sa, dir, o->lines, 0) < 0)
  {
    say_cannot("read the log in ", dir);
    if (errno == EACCES) say("it may be read by its owner and group alone");
    status = EXIT_SYSTEM;
  }
  else if (print(sa.s, sa.len) < 0 || (o->follow && follow(dir, at) < 0))
  {
    if (errno != EPIPE) say_cannot("show the log in ", dir);
    status = EXIT_SYSTEM;
  }
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

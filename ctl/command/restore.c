#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/walk.h>

#include <ctl/command/archive.h>
#include <ctl/command/command.h>
#include <ctl/command/sysusers.h>
#include <ctl/machine/reach.h>
#include <ctl/say.h>

/*
 * `mailctl restore FILE DIR`: a bundle from what `mailctl backup` wrote. All is unpacked and verified in a directory that
 * nobody else can enter, which becomes DIR in the end: so nothing is ever overwritten, or half there.
 */

typedef struct restore_s restore;
struct restore_s
{
  archive a;
  int root;
  int dir;             /* where it is unpacked */
  char work[PATH_MAX]; /* its name */
  char user[ARCHIVE_USER];
  who w; /* of user */
};

static int restore_find(restore *x, char const *user)
{
  if (!x->root || !strcmp(x->user, user)) return 0;
  if (who_find(&x->w, user) < 0)
  {
    say("restore: there is no user ", user, " on this machine; --create-users makes those of a new bundle");
    return -1;
  }
  strcpy(x->user, user);
  return 0;
}

/* A file that lies alone may come without its directory. */
static void restore_make_parents(restore const *x, char const *name)
{
  char parent[PATH_MAX];

  for (char const *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/'))
  {
    snprintf(parent, sizeof parent, "%.*s", (int)(slash - name), name);
    if (mkdirat(x->dir, parent, 0700) == 0 && fchmodat(x->dir, parent, 0755, 0) < 0) return;
  }
}

static int restore_file(restore *x, archive_member const *m)
{
  struct timespec const times[2] = {{.tv_sec = m->mtime}, {.tv_sec = m->mtime}};
  int fd, result;

  restore_make_parents(x, m->name);
  fd = openat(x->dir, m->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

  if (fd < 0) return -1;
  result = archive_get(&x->a, m, fd) < 0 || (x->root && fchown(fd, x->w.uid, x->w.gid) < 0) ||
                   fchmod(fd, m->mode) < 0 || futimens(fd, times) < 0
               ? -1
               : 0;
  int e = errno;
  fd_close(fd);
  errno = e;
  return result;
}

static int restore_directory(restore const *x, archive_member const *m)
{
  return mkdirat(x->dir, m->name, 0700) < 0 ||
                 (x->root && fchownat(x->dir, m->name, x->w.uid, x->w.gid, AT_SYMLINK_NOFOLLOW) < 0) ||
                 fchmodat(x->dir, m->name, m->mode | 0700, 0) < 0
             ? -1
             : 0;
}

static int restore_member(restore *x, archive_member const *m)
{
  int result;

  if (restore_find(x, m->user) < 0) return -1;
  switch (m->type)
  {
    case ARCHIVE_FILE: result = restore_file(x, m); break;
    case ARCHIVE_NAME: result = linkat(x->dir, m->target, x->dir, m->name, 0); break;
    default: result = restore_directory(x, m);
  }
  if (result < 0 && errno == EPROTO)
    say("restore: the archive ends in ", m->name);
  else if (result < 0)
    say_cannot("restore ", m->name);
  return result;
}

/* What an archive leaves out: it is made anew. */
static int restore_rest(restore const *x, char const *directory)
{
  char flag[PATH_MAX + 32];

  umask(022);
  if ((mkdirat(x->dir, "run", 0755) < 0 || mkdirat(x->dir, "log", 0755) < 0) && errno != EEXIST) return -1;
  snprintf(flag, sizeof flag, "%s/run/overload/flag", directory);
  return symlinkat(flag, x->dir, "control/overloaded") < 0 && errno != EEXIST && errno != ENOENT ? -1 : 0;
}

static int restore_all(restore *x, char const *file, char const *directory)
{
  archive_member m;
  int more;

  while ((more = archive_next(&x->a, &m)) > 0)
    if (restore_member(x, &m) < 0) return -1;
  if (more < 0)
    say_cannot("read ", file, " (it is not what mailctl backup wrote, or is damaged)");
  else if (restore_rest(x, directory) < 0 || fchmod(x->dir, 0755) < 0 || syncfs(x->dir) < 0)
    say_cannot("finish ", x->work);
  else if (rename(x->work, directory) == 0)
    return 0;
  else if (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR)
    say("restore: ", directory, " is there already, and stays as it is: name another directory");
  else
    say_cannot("make ", directory);
  return -1;
}

static int restore_run(restore *x, char const *file, char const *directory)
{
  int status = EXIT_SYSTEM;

  x->a.fd = open(file, O_RDONLY | O_CLOEXEC);
  if (x->a.fd < 0)
  {
    say_cannot("open ", file);
    return EXIT_SYSTEM;
  }
  umask(077);
  if (snprintf(x->work, sizeof x->work, "%s.XXXXXX", directory) >= (int)sizeof x->work || !mkdtemp(x->work) ||
      (x->dir = open(x->work, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0)
  {
    say_cannot("make a directory beside ", directory);
    return EXIT_SYSTEM;
  }
  if (restore_all(x, file, directory) == 0)
  {
    printf("%s is ready: mailctl -c %s/mailctl.conf check\n", directory, directory);
    status = 0;
  }
  else if (walk_remove(AT_FDCWD, x->work) < 0)
    say_cannot("remove ", x->work);
  fd_close(x->dir);
  return status;
}

/* Absolute, because a link in it says where it is. */
static int restore_absolute(char absolute[PATH_MAX], char const *directory)
{
  char here[PATH_MAX];
  size_t n = strlen(directory);

  while (n > 1 && directory[n - 1] == '/') n--;
  if (*directory == '/') return snprintf(absolute, PATH_MAX, "%.*s", (int)n, directory) < PATH_MAX ? 0 : -1;
  return getcwd(here, sizeof here) &&
                 snprintf(absolute, PATH_MAX, "%s/%.*s", here, (int)n, directory) < PATH_MAX
             ? 0
             : -1;
}

int command_restore(context const *cx, int argc, char const *const *argv)
{
  static restore x = {.a = ARCHIVE_ZERO, .dir = -1};
  char const *names[2] = {0, 0};
  char directory[PATH_MAX];
  int create = 0, status = 0, n = 0;

  for (int i = 1; i < argc && !status; i++)
    if (!strcmp(argv[i], "--create-users"))
      create = 1;
    else if (argv[i][0] == '-' || n == 2)
      status = usage_error(argv[0], "--create-users, FILE and DIR");
    else
      names[n++] = argv[i];
  if (!status && n < 2) status = usage_error(argv[0], "which FILE, and into which DIR?");
  if (!status && create && !cx->root) status = usage_error(argv[0], "only root can make users");
  if (!status && restore_absolute(directory, names[1]) < 0)
    status = usage_error(argv[0], "the directory's name is too long");
  if (!status && create && sysusers_make() < 0) status = EXIT_SYSTEM;
  x.root = cx->root;
  if (!status) status = restore_run(&x, names[0], directory);
  archive_close(&x.a);
  return status;
}

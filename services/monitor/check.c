#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/overload-place.h>

#include <services/contract/service.h>
#include <services/contract/where.h>
#include <services/monitor/check.h>

/* What only the machine can tell. */

/* As the service's user: 0 if it can list the directory, else errno. */
static int listable(char const *path)
{
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return errno;
  fd_close(fd);
  return 0;
}

/* The same from a root that asks for another user: in a process of its own, which becomes that user. */
static int listable_by(char const *user, char const *path)
{
  struct passwd const *pw = getpwnam(user);
  int wstat;
  pid_t pid;

  if (!pw) return 0; /* reported elsewhere */
  pid = fork();
  if (pid < 0) return 0;
  if (!pid)
    _exit(initgroups(user, pw->pw_gid) < 0 || setgid(pw->pw_gid) < 0 || setuid(pw->pw_uid) < 0
              ? 0
              : listable(path));
  return waitpid_nointr(pid, &wstat, 0) == pid && WIFEXITED(wstat) ? WEXITSTATUS(wstat) : 0;
}

static void check_queue(service const *sv, report *r, char const *path)
{
  int dropped = sv->bundle->root && sv->user;
  int e = dropped ? listable_by(sv->user, path) : listable(path);

  if (!e) return;
  if (e == ENOENT && !bundle_qmail(sv->bundle))
  {
    /* The spool makes its own when it starts. */
    if (section_says(sv->section, "queue"))
      report_warning(r, sv->section, "queue", "%s is not there: until it is, nobody knows the backlog", path);
    return;
  }
  report_error(r, sv->section, "queue", "%s: %s%s%s%s", path, strerror(e),
               e == EACCES && dropped ? "; let it in: usermod -aG qmail " : "",
               e == EACCES && dropped ? sv->user : "",
               e == EACCES && dropped ? ", if the directory is group qmail's" : "");
}

/* A link that is not there, or leads elsewhere, is no concern: `mailctl up` makes it. */
static void check_link(service const *sv, report *r)
{
  bundle const *b = sv->bundle;

  switch (overload_link(b->control, b->run, 0))
  {
    case 0:
    case 2: return;
    case 1:
      report_warning(r, sv->section, 0,
                     "%s/overloaded is a file that somebody made: strangers are refused until it is removed",
                     b->control);
      return;
    default:
      report_warning(r, sv->section, 0,
                     "%s/overloaded should be a link to %s/overload/flag, and cannot be read: %s", b->control,
                     b->run, strerror(errno));
  }
}

/* The bundle's own spool: up gives its directories to whom it names, whosever they are now. */
static int is_spool(service const *sv)
{
  return !bundle_qmail(sv->bundle) && !section_says(sv->section, "queue");
}

void monitor_check(service const *sv, report *r)
{
  stralloc path = STRALLOC_ZERO;

  for (size_t i = 0; !is_spool(sv) && monitor_queue(&path, sv->bundle, sv->section, i) > 0; i++)
    check_queue(sv, r, path.s);
  stralloc_free(&path);
  check_link(sv, r);
}

/* A command that is mailctl itself reads the file, as the monitor's user. */
int monitor_uses(service const *sv, genalloc *list)
{
  if (!genalloc_len(char *, &sv->controls)) return 0;
  if (use_add(list, R_OK, "", sv->bundle->file) < 0) return -1;
  return use_add(list, R_OK, sv->bundle->state, "current/manifest");
}

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/stralloc.h>

#include <runlib/procstat.h>
#include <runlib/walk.h>

#include <ctl/live/lock.h>
#include <ctl/say.h>

static void on_alarm(int sig)
{
  (void)sig;
}

static int set(int fd, int wait, int readonly)
{
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

  /* Where nothing can be written, nobody has the other lock: all are here. */
  if (readonly) return flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB));
  return fcntl(fd, wait ? F_SETLKW : F_SETLK, &lock);
}

/* Whether a child of parent has the lock, for this very command. */
static int is_child(pid_t parent, int fd, char const *command)
{
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  char who[128], same[128];
  ssize_t n = pread(fd, who, sizeof who - 1, 0);
  process p;

  if (!parent || n <= 0 || fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK) return 0;
  who[n] = 0;
  snprintf(same, sizeof same, "%d %s\n", (int)lock.l_pid, command);
  return !strcmp(who, same) && !process_read(&p, -1, lock.l_pid) && p.parent == parent;
}

/* Whom we wait for: the kernel knows who, the file what that one does. */
static void say_holder(int fd)
{
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  char who[128];
  ssize_t n = pread(fd, who, sizeof who - 1, 0);
  char *space;

  who[n < 0 ? 0 : n] = 0;
  who[strcspn(who, "\n")] = 0;
  space = strchr(who, ' ');
  if (fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK) return;
  if (space && atoi(who) == lock.l_pid)
    say("waiting for `mailctl ", space + 1, "` (pid ", (*space = 0, who), ") to finish");
  else /* it has not written yet who it is */
    say("waiting for another mailctl to finish");
}

static int wait_for(int fd, unsigned int timeout, int readonly)
{
  struct sigaction sa = {.sa_handler = &on_alarm}; /* no SA_RESTART: the alarm ends the wait */
  struct itimerval it = {.it_value = {.tv_sec = timeout / 1000, .tv_usec = timeout % 1000 * 1000}};
  int r;

  sigaction(SIGALRM, &sa, 0);
  setitimer(ITIMER_REAL, &it, 0);
  r = set(fd, 1, readonly);
  if (r < 0 && errno == EINTR) errno = ETIMEDOUT;
  memset(&it, 0, sizeof it);
  setitimer(ITIMER_REAL, &it, 0);
  return r;
}

/* Whoever may see the bundle and not change it is told whose it is. */
static void say_owner(char const *state)
{
  struct stat st;
  struct passwd const *pw = stat(state, &st) < 0 ? 0 : getpwuid(st.st_uid);

  if (pw) say("only ", pw->pw_name, " may change what this bundle runs");
}

/* What root leaves in a user's bundle stands in that user's way for ever. */
static int is_anothers(char const *state)
{
  struct stat st;

  if (geteuid() || stat(state, &st) < 0 || !st.st_uid) return 0;
  say_owner(state);
  return 1;
}

int lock_take(char const *state, char const *command, unsigned int timeout, pid_t rival)
{
  stralloc sa = STRALLOC_ZERO;
  char who[128];
  int readonly = 0;
  int fd = -1;

  if (is_anothers(state)) return (errno = EPERM, -1);
  if (mkdir(state, 0755) < 0 && errno != EEXIST) return -1;
  if (stralloc_cats(&sa, state) && stralloc_cats(&sa, "/lock") && stralloc_0(&sa))
    fd = walk_open(AT_FDCWD, sa.s, O_RDWR | O_CREAT, 0600);
  readonly = fd < 0 && errno == EROFS;
  if (readonly) fd = walk_directory(AT_FDCWD, state);
  if (fd >= 0 && !readonly && fchmod(fd, 0600) < 0) fd = (fd_close(fd), -1);
  stralloc_free(&sa);
  if (fd < 0)
  {
    int e = errno;
    if (e == EACCES) say_owner(state);
    return (errno = e, -1);
  }
  if (set(fd, 0, readonly) < 0)
  {
    if (is_child(rival, fd, command)) return (fd_close(fd), errno = EALREADY, -1);
    say_holder(fd);
    if (wait_for(fd, timeout, readonly) < 0) return (fd_close(fd), -1);
  }
  if (readonly) return fd;
  snprintf(who, sizeof who, "%d %s\n", (int)getpid(), command);
  if (ftruncate(fd, 0) < 0 || (pwrite(fd, who, strlen(who), 0) < 0 && errno != ENOSPC))
    return (fd_close(fd), -1);
  return fd;
}

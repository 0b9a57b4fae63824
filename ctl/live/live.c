#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/iopause.h>
#include <skalibs/posixplz.h>
#include <skalibs/unix-transactional.h>

#include <s6/ftrigr.h>
#include <s6/supervise.h>

#include <ctl/live/live.h>

/*
 * Who holds a lock on path below dir, a file that is not ours to open: everybody may read /proc/locks (proc(5)). 0: nobody;
 * -1: not known, as on file systems whose device numbers there are not those of stat(2), or without any lock.
 */
static pid_t listed_holder(int dir, char const *path)
{
  struct stat st;
  char line[256];
  pid_t holder = -1;
  FILE *f = fstatat(dir, path, &st, 0) < 0 ? 0 : fopen("/proc/locks", "re");

  while (f && holder <= 0 && fgets(line, sizeof line, f))
  {
    unsigned int pid, major, minor;
    unsigned long inode;
    if (sscanf(line, "%*d: POSIX ADVISORY WRITE %u %x:%x:%lu ", &pid, &major, &minor, &inode) == 4 && pid &&
        makedev(major, minor) == st.st_dev)
      holder = inode == st.st_ino ? (pid_t)pid : 0;
  }
  if (f) fclose(f);
  return holder;
}

static int path_of(char path[PATH_MAX], char const *dir, char const *file)
{
  if (strlen(dir) + strlen(file) + sizeof S6_SUPERVISE_CTLDIR + 2 > PATH_MAX)
    return (errno = ENAMETOOLONG, -1);
  stpcpy(stpcpy(stpcpy(path, dir), "/" S6_SUPERVISE_CTLDIR "/"), file);
  return 0;
}

/*
 * As s6_svc_ok: s6-supervise holds a lock on this file as long as it lives. Whom status-group lets in may not open it:
 * who can, could hold the lock himself once s6-supervise has died (access.c).
 */
static int is_supervised(int fd, char const *dir)
{
  char path[PATH_MAX];
  int lock = path_of(path, dir, "lock") < 0 ? -1 : openat(fd, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  pid_t holder;
  int r;

  if (lock < 0 && errno == EACCES)
  {
    holder = listed_holder(fd, path);
    return holder < 0 ? (errno = EACCES, -1) : holder > 0;
  }
  if (lock < 0) return errno == ENOENT || errno == ENOTDIR ? 0 : -1;
  r = fd_islocked(lock);
  fd_close(lock);
  return r;
}

static int read_status(int fd, char const *dir, s6_svstatus_t *s)
{
  char path[PATH_MAX];
  char pack[S6_SVSTATUS_SIZE + 1];
  int file = path_of(path, dir, "status") < 0 ? -1 : openat(fd, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ssize_t n;

  if (file < 0) return -1;
  n = fd_read(file, pack, sizeof pack);
  fd_close(file);
  if (n != S6_SVSTATUS_SIZE) return (errno = EPROTO, -1);
  s6_svstatus_unpack(pack, s);
  return 0;
}

int live_believe_at(int fd, char const *dir, live_status *st)
{
  s6_svstatus_t s = S6_SVSTATUS_ZERO;

  memset(st, 0, sizeof *st);
  st->supervised = 1;
  if (read_status(fd, dir, &s) < 0) return -1;
  st->pid = s.pid;
  st->up = s.pid && !s.flagfinishing;
  st->ready = st->up && s.flagready;
  st->wanted = s.flagwantup;
  st->finishing = s.flagfinishing;
  st->wstat = s.wstat;
  st->since = s.stamp;
  st->ready_since = s.readystamp;
  return 0;
}

int live_read_at(int fd, char const *dir, live_status *st)
{
  int r = is_supervised(fd, dir);

  if (r > 0) return live_believe_at(fd, dir, st);
  memset(st, 0, sizeof *st);
  return r;
}

int live_read(char const *dir, live_status *st)
{
  return live_read_at(AT_FDCWD, dir, st);
}

static int control(char const *dir, char const *ctldir, char const *letters)
{
  int r = s6_svc_writectl(dir, ctldir, letters, strlen(letters));

  if (r > 0) return 0;
  if (!r || r == -2) errno = ENXIO;
  return -1;
}

int live_control(char const *dir, char const *letters)
{
  return control(dir, S6_SUPERVISE_CTLDIR, letters);
}

/* The status is read again once the descriptor is held, so that it cannot be another process by then. */
void live_hurry(char const *dir)
{
  live_status st;
  live_status again;
  int fd;

  if (live_read(dir, &st) < 0 || !st.finishing) return;
  fd = (int)syscall(SYS_pidfd_open, st.pid, 0);
  if (fd < 0) return;
  if (live_read(dir, &again) >= 0 && again.finishing && again.pid == st.pid)
    (void)syscall(SYS_pidfd_send_signal, fd, SIGTERM, 0, 0);
  fd_close(fd);
}

int live_supervisor_control(char const *scandir, char const *letters)
{
  return control(scandir, S6_SVSCAN_CTLDIR, letters);
}

/* s6-svscan holds a POSIX lock on this file as long as it lives (s6-svscan.c): the kernel names the holder. */
pid_t live_supervisor(char const *scandir)
{
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  stralloc sa = STRALLOC_ZERO;
  int fd = -1;
  int r = -1;

  if (stralloc_cats(&sa, scandir) && stralloc_cats(&sa, "/" S6_SVSCAN_CTLDIR "/lock") && stralloc_0(&sa))
    fd = open_read(sa.s);
  if (fd < 0)
  {
    pid_t holder = errno == ENOENT ? 0 : errno == EACCES ? listed_holder(AT_FDCWD, sa.s) : -1;
    stralloc_free(&sa);
    return holder;
  }
  stralloc_free(&sa);
  r = fcntl(fd, F_GETLK, &lock);
  fd_close(fd);
  if (r < 0) return -1;
  return lock.l_type == F_UNLCK ? 0 : lock.l_pid;
}

/* What s6_supervise_link_names leaves behind: it removes a service's `down` file, but not its logger's. */
static void allow_up(char const *dir)
{
  stralloc sa = STRALLOC_ZERO;

  if (stralloc_cats(&sa, dir) && stralloc_cats(&sa, "/log/down") && stralloc_0(&sa)) unlink_void(sa.s);
  sa.len = 0;
  if (stralloc_cats(&sa, dir) && stralloc_cats(&sa, "/down") && stralloc_0(&sa)) unlink_void(sa.s);
  stralloc_free(&sa);
}

/* A link without an s6-supervise behind it is what an `up` that was killed left: live_add wants none. */
static int drop_link(char const *scandir, char const *name)
{
  stralloc sa = STRALLOC_ZERO;
  int result = -1;

  if (stralloc_cats(&sa, scandir) && stralloc_cats(&sa, "/") && stralloc_cats(&sa, name) && stralloc_0(&sa))
    result = unlink(sa.s) < 0 && errno != ENOENT ? -1 : 0;
  stralloc_free(&sa);
  return result;
}

int live_is_linked(char const *scandir, char const *name, char const *dir)
{
  stralloc sa = STRALLOC_ZERO;
  stralloc target = STRALLOC_ZERO;
  int result = -1;

  if (stralloc_cats(&sa, scandir) && stralloc_cats(&sa, "/") && stralloc_cats(&sa, name) && stralloc_0(&sa))
    result = sareadlink(&target, sa.s) < 0 ? (errno == ENOENT ? 0 : -1) : 2;
  if (result == 2 && target.len == strlen(dir) && !memcmp(target.s, dir, target.len)) result = 1;
  stralloc_free(&sa);
  stralloc_free(&target);
  return result;
}

int live_add(char const *scandir, char const *const *dirs, char const *const *names, size_t n,
             tain const *deadline, tain *stamp)
{
  for (size_t i = 0; i < n; i++)
    if (drop_link(scandir, names[i]) < 0) return -1;
  if (s6_supervise_link_names(scandir, dirs, names, n, 4, deadline, stamp) < 0) return -1;
  for (size_t i = 0; i < n; i++) allow_up(dirs[i]);
  return 0;
}

int live_remove(char const *scandir, char const *const *names, size_t n, tain const *deadline, tain *stamp)
{
  return s6_supervise_unlink_names(scandir, names, n, 1, deadline, stamp) < 0 ? -1 : 0;
}

struct live_events_s
{
  ftrigr_t connection;
};

live_events *live_events_new(tain const *deadline, tain *stamp)
{
  live_events *ev = malloc(sizeof *ev);

  if (!ev) return 0;
  ev->connection = ftrigr_zero;
  if (ftrigr_startf(&ev->connection, deadline, stamp)) return ev;
  free(ev);
  return 0;
}

uint16_t live_events_watch(live_events *ev, char const *dir, tain const *deadline, tain *stamp)
{
  stralloc sa = STRALLOC_ZERO;
  uint16_t id = 0;

  if (stralloc_cats(&sa, dir) && stralloc_cats(&sa, "/" S6_SUPERVISE_EVENTDIR) && stralloc_0(&sa))
    id = ftrigr_subscribe(&ev->connection, sa.s, "[DuUdOx]", FTRIGR_REPEAT, deadline, stamp);
  stralloc_free(&sa);
  return id;
}

int live_events_wait(live_events *ev, tain const *deadline, tain *stamp)
{
  iopause_fd x = {.fd = ftrigr_fd(&ev->connection), .events = IOPAUSE_READ};

  for (;;)
  {
    int r = ftrigr_update(&ev->connection);
    if (r) return r < 0 ? -1 : 1;
    r = iopause_stamp(&x, 1, deadline, stamp);
    if (r <= 0) return r;
  }
}

int live_events_take(live_events *ev, uint16_t watch, stralloc *events)
{
  return ftrigr_checksa(&ev->connection, watch, events) < 0 ? -1 : 0;
}

int live_events_fd(live_events *ev)
{
  return ftrigr_fd(&ev->connection);
}

void live_events_free(live_events *ev)
{
  if (!ev) return;
  ftrigr_end(&ev->connection);
  free(ev);
}

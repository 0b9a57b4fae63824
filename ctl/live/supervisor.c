#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/direntry.h>
#include <skalibs/djbunix.h>
#include <skalibs/iopause.h>
#include <skalibs/posixplz.h>
#include <skalibs/types.h>

#include <ctl/live/directory.h>
#include <ctl/live/holder.h>
#include <ctl/live/live.h>
#include <ctl/live/orphan.h>
#include <ctl/live/servicedir.h>
#include <ctl/live/supervisor.h>
#include <ctl/say.h>

#define LOGGERS_TIME 5 /* seconds that the loggers may take to write what they hold */

int supervisor_scandir(stralloc *sa, bundle const *b)
{
  sa->len = 0;
  return service_append(sa, "%s/service", b->run) < 0 || !stralloc_0(sa) ? -1 : 0;
}

/* --- the scan directory -------------------------------------------------------------------------- */

static int make_directory(bundle const *b, char const *name)
{
  stralloc sa = STRALLOC_ZERO;
  int result = -1;

  if (service_append(&sa, "%s%s", b->run, name) >= 0 && stralloc_0(&sa))
    result = mkdir(sa.s, 0755) < 0 && errno != EEXIST ? -1 : 0;
  stralloc_free(&sa);
  return result;
}

static int has_bytes(char const *path, stralloc const *bytes)
{
  stralloc sa = STRALLOC_ZERO;
  int yes = openslurpclose(&sa, path) && sa.len == bytes->len && !memcmp(sa.s, bytes->s, sa.len);

  stralloc_free(&sa);
  return yes;
}

/* What is right already is left alone: s6-svscan may be about to run it. */
static int write_file(bundle const *b, char const *name, stralloc const *bytes, mode_t mode)
{
  stralloc sa = STRALLOC_ZERO;
  int result = -1;

  if (service_append(&sa, "%s/service/%s", b->run, name) >= 0 && stralloc_0(&sa) &&
      (has_bytes(sa.s, bytes) || openwritenclose_suffix(sa.s, bytes->s, bytes->len, ".new")))
    result = chmod(sa.s, mode);
  stralloc_free(&sa);
  return result;
}

/* TERM and INT: an ordered shutdown. */
static int write_shutdown(bundle const *b)
{
  stralloc sa = STRALLOC_ZERO;
  stralloc program = STRALLOC_ZERO;
  int result = -1;

  if (service_append(&program, "%s/mailctl", b->bin) < 0 || !stralloc_0(&program)) goto end;
  if (service_append(&sa, "#!/bin/execlineb -P\n# A signal to s6-svscan: stop everything in order.\n") < 0 ||
      service_quote(&sa, program.s) < 0 || service_append(&sa, " -c ") < 0 ||
      service_quote(&sa, b->file) < 0 || service_append(&sa, " down\n") < 0)
    goto end;
  result =
      write_file(b, ".s6-svscan/SIGTERM", &sa, 0755) < 0 || write_file(b, ".s6-svscan/SIGINT", &sa, 0755) < 0
          ? -1
          : 0;
end:
  stralloc_free(&sa);
  stralloc_free(&program);
  return result;
}

/*
 * The catch-all logger reads a FIFO that is s6-svscan's stdout and stderr, and whose writers are all of s6: it
 * must never stop reading, so it keeps in memory what finds no room (s6-log -b would wait for room).
 */
static int write_logger(bundle const *b)
{
  char const *user = section_text(b->self, "user");
  stralloc sa = STRALLOC_ZERO;
  stralloc path = STRALLOC_ZERO;
  int result = -1;

  if (service_append(&path, "%s/service/s6-svscan-log/fifo", b->run) < 0 || !stralloc_0(&path)) goto end;
  if (mkfifo(path.s, 0600) < 0 && errno != EEXIST) goto end;
  path.len = 0;
  if (service_append(&path, "%s/supervisor", b->log) < 0 || !stralloc_0(&path)) goto end;
  if (service_append(&sa, "#!/bin/execlineb -P\n# What s6-svscan and the loggers say: written by mailctl.\n"
                          "redirfd -w 1 /dev/null\nredirfd -rnb 0 fifo\n") < 0 ||
      (b->root && user && service_append(&sa, "s6-setuidgid %s\n", user) < 0) ||
      service_append(&sa, "s6-log -pd3 -- n4 s100000 t ") < 0 || service_quote(&sa, path.s) < 0 ||
      service_append(&sa, "\n") < 0)
    goto end;
  if (write_file(b, "s6-svscan-log/run", &sa, 0755) < 0) goto end;
  sa.len = 0;
  if (service_append(
          &sa, "#!/bin/execlineb -S1\n# As of every logger: one that cannot begin must not hold up those "
               "that speak to it.\nif { test $1 -gt 0 -a $1 -lt 256 }\nredirfd -w 1 /dev/null\n"
               "redirfd -rnb 0 fifo\ntimeout 4 cat\n") < 0 ||
      write_file(b, "s6-svscan-log/finish", &sa, 0755) < 0)
    goto end;
  sa.len = 0;
  if (service_append(&sa, "3\n") < 0) goto end;
  result = write_file(b, "s6-svscan-log/notification-fd", &sa, 0644);
end:
  stralloc_free(&sa);
  stralloc_free(&path);
  return result;
}

/* Its logger ignores TERM, and has written what it read: the user of a directory that it writes in may change then. */
static int move_log(bundle const *b)
{
  stralloc dir = STRALLOC_ZERO;
  live_status st;
  int result = -1;

  if (service_append(&dir, "%s/service/s6-svscan-log", b->run) < 0 || !stralloc_0(&dir)) goto end;
  (void)live_control(dir.s, "dk");
  for (unsigned int i = 0; i < 1000 && !live_read(dir.s, &st) && st.pid; i++) usleep(5000);
  result = directory_make_log(b);
  (void)live_control(dir.s, "u");
end:
  stralloc_free(&dir);
  return result;
}

int supervisor_refresh(bundle const *b)
{
  if (write_shutdown(b) < 0 || write_logger(b) < 0) return -1;
  return directory_log_moves(b) ? move_log(b) : directory_make_log(b);
}

/* What an s6-svscan that was killed left: the services are added anew, and in order. */
static int empty_scandir(char const *scandir)
{
  DIR *d = opendir(scandir);
  direntry *e;
  int result = 0;

  if (!d) return -1;
  while (!result && (e = readdir(d)))
  {
    struct stat st;
    if (e->d_name[0] == '.' || fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) continue;
    if (S_ISLNK(st.st_mode)) result = unlinkat(dirfd(d), e->d_name, 0);
  }
  dir_close(d);
  return result;
}

static int prepare(bundle const *b, stralloc *scandir)
{
  static char const *const directories[] = {"",
                                            "/service",
                                            "/service/.s6-svscan",
                                            "/servicedirs",
                                            "/started",
                                            "/deaths",
                                            "/restarts",
                                            "/orphans",
                                            "/service/s6-svscan-log",
                                            0};

  if (directory_make_log(b) < 0) return -1;
  for (char const *const *f = directories; *f; f++)
    if (make_directory(b, *f) < 0) return -1;
  if (supervisor_scandir(scandir, b) < 0 || empty_scandir(scandir->s) < 0) return -1;
  return write_shutdown(b) < 0 || write_logger(b) < 0 ? -1 : 0;
}

/* --- starting ------------------------------------------------------------------------------------ */

/*
 * Opened for both: that does not wait for the logger, and nobody who writes is killed by SIGPIPE while there is
 * none.
 */
static int open_fifo(char const *scandir)
{
  stralloc sa = STRALLOC_ZERO;
  int fd = -1;

  if (stralloc_cats(&sa, scandir) && stralloc_cats(&sa, "/s6-svscan-log/fifo") && stralloc_0(&sa))
    fd = open(sa.s, O_RDWR);
  stralloc_free(&sa);
  return fd;
}

/* Descriptor 3: readiness, if notify is not negative; 4: where s6-svscan speaks once its logger is gone. */
static int set_descriptors(char const *scandir, int notify, int console)
{
  int writer = open_fifo(scandir);
  int null = open_read("/dev/null");

  if (writer < 0 || null < 0) return -1;
  /* Out of the way of 0 to 4 first. */
  writer = fcntl(writer, F_DUPFD, 10);
  null = fcntl(null, F_DUPFD, 10);
  console = fcntl(console, F_DUPFD, 10);
  if (notify >= 0) notify = fcntl(notify, F_DUPFD, 10);
  if (dup2(null, 0) < 0 || dup2(writer, 1) < 0 || dup2(writer, 2) < 0 || dup2(console, 4) < 0) return -1;
  if (notify >= 0 ? dup2(notify, 3) < 0 : dup2(null, 3) < 0) return -1;
  return close_range(5, ~0u, 0);
}

/* What the caller ignored, blocked, or was nice about does not reach the services; its limits do. */
static void set_known(void)
{
  sigset_t none;

  for (int sig = 1; sig < NSIG; sig++) signal(sig, SIG_DFL);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, 0);
  (void)setpriority(PRIO_PROCESS, 0, 0); /* which only root may, where it was nice */
}

static int become(char const *scandir, int notify, int console)
{
  char const *argv[10] = {"s6-svscan", "-c", "1000", "-X", "4"};
  static char const *const env[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 0};
  unsigned int n = 5;

  if (set_descriptors(scandir, notify, console) < 0) return -1;
  if (notify >= 0) argv[n++] = "-d", argv[n++] = "3";
  argv[n++] = "--";
  argv[n] = scandir;
  umask(022);
  set_known();
  execvpe(argv[0], (char *const *)argv, (char *const *)env);
  return -1;
}

static int wait_ready(int fd, tain const *deadline, tain *stamp)
{
  iopause_fd x = {.fd = fd, .events = IOPAUSE_READ};
  char c;
  int r = iopause_stamp(&x, 1, deadline, stamp);

  if (r <= 0) return r < 0 ? -1 : (errno = ETIMEDOUT, -1);
  if (fd_read(fd, &c, 1) == 1) return 0;
  return (errno = ECHILD, -1);
}

int supervisor_start(bundle const *b, tain const *deadline, tain *stamp)
{
  stralloc scandir = STRALLOC_ZERO;
  int p[2] = {-1, -1};
  int result = -1;
  pid_t pid;

  if (prepare(b, &scandir) < 0 || pipecoe(p) < 0) goto end;
  pid = fork();
  if (!pid)
  {
    int null = open_write("/dev/null");
    setsid();
    if (chdir("/") < 0 || become(scandir.s, p[1], null) < 0) _exit(111);
  }
  fd_close(p[1]);
  if (pid > 0) result = wait_ready(p[0], deadline, stamp);
  fd_close(p[0]);
end:
  stralloc_free(&scandir);
  return result;
}

int supervisor_become(bundle const *b)
{
  stralloc scandir = STRALLOC_ZERO;

  if (prepare(b, &scandir) < 0 || chdir("/") < 0) return -1;
  return become(scandir.s, -1, 2);
}

/* --- stopping ------------------------------------------------------------------------------------ */

static int wait_gone(int pidfd, tain const *deadline, tain *stamp)
{
  iopause_fd x = {.fd = pidfd, .events = IOPAUSE_READ};
  int r = iopause_stamp(&x, 1, deadline, stamp);

  return r > 0 ? 0 : r < 0 ? -1 : (errno = ETIMEDOUT, -1);
}

/*
 * s6-svscan's logger ends when the last writer of its FIFO is gone. One that opens the FIFO only afterwards
 * never learns of it, and s6-svscan would wait for it for ever: it must be reading before s6-svscan ends.
 */
static void await_logger(char const *scandir, tain const *deadline, tain *stamp)
{
  stralloc dir = STRALLOC_ZERO;
  tain limit;

  if (service_append(&dir, "%s/s6-svscan-log", scandir) < 0 || !stralloc_0(&dir)) return;
  tain_addsec(&limit, stamp, 5);
  if (tain_less(deadline, &limit)) limit = *deadline;
  while (tain_less(stamp, &limit))
  {
    live_status st;
    tain pause;
    tain next;
    if (live_read(dir.s, &st) == 0 && st.ready) break;
    tain_from_millisecs(&pause, 2);
    tain_add(&next, stamp, &pause);
    iopause_stamp(0, 0, &next, stamp);
  }
  stralloc_free(&dir);
}

typedef struct pipe_s pipe_holder;
struct pipe_s
{
  pid_t logger;
  pid_t svscan;
  char link[64]; /* as /proc/PID/fd shows the pipe */
};

static int is_writer(pid_t pid, char const *link, void const *data)
{
  pipe_holder const *p = data;

  return pid != p->logger && pid != p->svscan && pid != getpid() && !strcmp(link, p->link);
}

/* Says who, of a service that is down, still has its logger's pipe open. Returns whether there is such a process. */
static int say_writer(char const *name, pid_t logger, pid_t svscan)
{
  pipe_holder p = {.logger = logger, .svscan = svscan};
  char path[64], pid[PID_FMT];
  pid_t writer;
  ssize_t n;

  snprintf(path, sizeof path, "/proc/%d/fd/0", (int)logger);
  n = readlink(path, p.link, sizeof p.link - 1);
  if (n <= 0) return 0;
  p.link[n] = 0;
  writer = holder_find(&is_writer, &p);
  if (!writer) return 0;
  pid[pid_fmt(pid, writer)] = 0;
  say(name, ": its log is still held open by the process ", pid,
      ", which it left behind: ending the logger without it");
  return 1;
}

/*
 * A logger ends when nobody can speak to it any more. One that waits for somebody whom its service left behind, or for
 * room on a full disk, would keep s6-svscan waiting for ever.
 */
static void end_loggers(bundle const *b, pid_t svscan)
{
  genalloc names = GENALLOC_ZERO;
  stralloc dir = STRALLOC_ZERO;
  live_status st;
  int held = 0;

  (void)orphan_names(&names, b);
  for (size_t i = 0; i < genalloc_len(char *, &names); i++)
  {
    char *name = genalloc_s(char *, &names)[i];
    if (servicedir_path(&dir, b->run, name, "/log") >= 0)
    {
      if (live_read(dir.s, &st) >= 0 && st.up) held |= say_writer(name, st.pid, svscan);
      (void)live_control(dir.s, "k");
    }
    free(name);
  }
  if (!held) say("the loggers cannot write what they hold (is the disk of ", b->log, " full?): ending them");
  dir.len = 0;
  if (service_append(&dir, "%s/service/s6-svscan-log", b->run) >= 0 && stralloc_0(&dir))
    (void)live_control(dir.s, "k");
  genalloc_free(char *, &names);
  stralloc_free(&dir);
}

/* As its own child (a signal made it run `mailctl down`) one holds the pipe that its logger reads to the end. */
static int let_go(pid_t pid)
{
  int null;

  if (getppid() != pid) return 0;
  null = open("/dev/null", O_RDWR | O_CLOEXEC);
  return null < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 ? -1 : 0;
}

static int stop(bundle const *b, char const *scandir, pid_t pid, tain const *deadline, tain *stamp)
{
  int fd = (int)syscall(SYS_pidfd_open, pid, 0);
  tain soon;
  int result = -1;

  if (fd < 0) return errno == ESRCH ? 0 : -1;
  await_logger(scandir, deadline, stamp);
  tain_addsec(&soon, stamp, LOGGERS_TIME);
  if (live_supervisor_control(scandir, "t") < 0 || let_go(pid) < 0) goto end;
  result = wait_gone(fd, &soon, stamp);
  if (result < 0 && errno == ETIMEDOUT)
  {
    end_loggers(b, pid);
    result = wait_gone(fd, deadline, stamp);
  }
end:
  fd_close(fd);
  return result;
}

int supervisor_stop(bundle const *b, tain const *deadline, tain *stamp)
{
  stralloc scandir = STRALLOC_ZERO;
  pid_t pid = supervisor_scandir(&scandir, b) < 0 ? -1 : live_supervisor(scandir.s);
  int result = pid < 0 ? -1 : pid ? stop(b, scandir.s, pid, deadline, stamp) : 0;

  if (!result) (void)empty_scandir(scandir.s);
  stralloc_free(&scandir);
  return result;
}

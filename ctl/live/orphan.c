#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <skalibs/direntry.h>
#include <skalibs/djbunix.h>
#include <skalibs/iopause.h>
#include <skalibs/posixplz.h>
#include <skalibs/types.h>

#include <runlib/orphans.h>
#include <runlib/started.h>

#include <ctl/context.h>
#include <ctl/live/doors.h>
#include <ctl/live/live.h>
#include <ctl/live/orphan.h>
#include <ctl/live/progress.h>
#include <ctl/live/servicedir.h>
#include <ctl/live/supervisor.h>
#include <ctl/say.h>

#define GONE_TIME 10 /* seconds that an s6-supervise with nothing to do may take to end */

/* --- who they are -------------------------------------------------------------------------------- */

static int record_path(stralloc *sa, bundle const *b, char const *directory, char const *name,
                       char const *suffix)
{
  sa->len = 0;
  return service_append(sa, "%s/%s/%s%s", b->run, directory, name, suffix) < 0 || !stralloc_0(sa) ? -1 : 0;
}

/* Those that run as name, but are not the one that its s6-supervise has. */
static unsigned int find(orphan *list, bundle const *b, char const *name, char const *suffix)
{
  stralloc sa = STRALLOC_ZERO;
  live_status st = {.pid = 0};
  started last;
  unsigned int n = 0;

  if (record_path(&sa, b, "orphans", name, suffix) >= 0) n = orphans_read(list, sa.s);
  if (n < ORPHANS_MAX && record_path(&sa, b, "started", name, suffix) >= 0 &&
      started_read(&last, sa.s) >= 0 && servicedir_path(&sa, b->run, name, *suffix ? "/log" : "") >= 0 &&
      live_read(sa.s, &st) >= 0 && st.pid != last.pid)
  {
    list[n].pid = last.pid;
    list[n].ticks = last.ticks;
    n += orphan_is_left(list + n, st.supervised);
  }
  stralloc_free(&sa);
  return n;
}

pid_t orphan_of(bundle const *b, char const *name, char const *suffix)
{
  orphan list[ORPHANS_MAX];
  return find(list, b, name, suffix) ? list[0].pid : 0;
}

static int by_name(void const *a, void const *b)
{
  return strcmp(*(char *const *)a, *(char *const *)b);
}

int orphan_names(genalloc *names, bundle const *b)
{
  stralloc sa = STRALLOC_ZERO;
  direntry *e;
  DIR *d;

  if (service_append(&sa, "%s/servicedirs", b->run) < 0 || !stralloc_0(&sa)) return -1;
  d = opendir(sa.s);
  stralloc_free(&sa);
  if (!d) return -1;
  while ((e = readdir(d)))
  {
    char *copy;
    if (e->d_name[0] == '.') continue;
    copy = strdup(e->d_name);
    if (!copy || !genalloc_append(char *, names, &copy)) return (dir_close(d), -1);
  }
  dir_close(d);
  if (genalloc_len(char *, names))
    qsort(genalloc_s(char *, names), genalloc_len(char *, names), sizeof(char *), &by_name);
  return 0;
}

static void free_names(genalloc *names)
{
  for (size_t i = 0; i < genalloc_len(char *, names); i++) free(genalloc_s(char *, names)[i]);
  genalloc_free(char *, names);
}

int orphan_is(bundle const *b, pid_t pid)
{
  genalloc names = GENALLOC_ZERO;
  int found = 0;

  (void)orphan_names(&names, b);
  for (size_t i = 0; i < genalloc_len(char *, &names); i++)
  {
    orphan list[ORPHANS_MAX];
    for (unsigned int n = find(list, b, genalloc_s(char *, &names)[i], ""); n; n--)
      found |= list[n - 1].pid == pid;
  }
  free_names(&names);
  return found;
}

/* --- s6-supervise -------------------------------------------------------------------------------- */

/* Polls: its end is no event for anybody but its parent. */
static int await_end(char const *dir, tain const *deadline, tain *stamp)
{
  static tain const pause = {.sec = TAI_ZERO, .nano = 10000000};
  live_status st;

  while ((void)live_read(dir, &st), st.supervised)
  {
    tain at;
    if (tain_less(deadline, stamp)) return (errno = ETIMEDOUT, -1);
    tain_add(&at, stamp, &pause);
    iopause_stamp(0, 0, &at, stamp);
  }
  return 0;
}

/* Tells it to end; its service is down. A logger that cannot write what it holds does not end by itself. */
static int end_supervisor(char const *dir, tain const *deadline, tain *stamp)
{
  tain last;

  if (live_control(dir, "dx") < 0) return errno == ENXIO || errno == ENOENT ? 0 : -1;
  if (await_end(dir, deadline, stamp) >= 0) return 0;
  (void)live_control(dir, "k");
  tain_addsec(&last, stamp, GONE_TIME);
  return await_end(dir, &last, stamp);
}

/* Its finish script then leaves its door open. */
static void mark_restart(bundle const *b, char const *name, pid_t pid)
{
  stralloc sa = STRALLOC_ZERO;

  if (record_path(&sa, b, "restarts", name, "") >= 0) (void)started_mark(sa.s, pid);
  stralloc_free(&sa);
}

static int stop_services(bundle const *b, genalloc const *names, int keep, tain *stamp, unsigned int *found)
{
  static genalloc const nothing = GENALLOC_ZERO;
  transition t;
  int status = EXIT_SYSTEM;

  transition_init(&t, b);
  for (size_t i = 0; i < genalloc_len(char *, names); i++)
  {
    stralloc dir = STRALLOC_ZERO;
    live_status st = {.supervised = 0};
    if (servicedir_path(&dir, b->run, genalloc_s(char *, names)[i], "") >= 0) (void)live_read(dir.s, &st);
    stralloc_free(&dir);
    if (!st.supervised) continue;
    if (keep && st.up) mark_restart(b, genalloc_s(char *, names)[i], st.pid);
    ++*found;
    if (transition_add(&t, genalloc_s(char *, names)[i], &nothing, GOAL_STOP) < 0) goto end;
  }
  if (*found) say("s6-svscan was killed: stopping what it left running");
  status = progress_run(&t, stamp);
end:
  transition_free(&t);
  return status;
}

static int end_supervisors(bundle const *b, genalloc const *names, int keep, tain *stamp)
{
  stralloc dir = STRALLOC_ZERO;
  tain deadline;
  int result = 0;

  tain_addsec(&deadline, stamp, GONE_TIME);
  for (size_t i = 0; i < genalloc_len(char *, names) && !result; i++)
  {
    char const *name = genalloc_s(char *, names)[i];
    if (servicedir_path(&dir, b->run, name, "") < 0 || end_supervisor(dir.s, &deadline, stamp) < 0 ||
        servicedir_path(&dir, b->run, name, "/log") < 0)
      result = -1;
    /* Who listens on has the logger's pipe open. */
    else if (keep && doors_has(b, name))
      (void)live_control(dir.s, "dxk");
    if (!result) result = end_supervisor(dir.s, &deadline, stamp);
  }
  dir.len = 0;
  if (!result && (service_append(&dir, "%s/service/s6-svscan-log", b->run) < 0 || !stralloc_0(&dir) ||
                  end_supervisor(dir.s, &deadline, stamp) < 0))
    result = -1;
  stralloc_free(&dir);
  return result;
}

int orphan_end_supervisors(bundle const *b, int keep, tain *stamp)
{
  genalloc names = GENALLOC_ZERO;
  unsigned int found = 0;
  int status = 0;

  if (orphan_names(&names, b) < 0) return errno == ENOENT ? 0 : EXIT_SYSTEM;
  status = stop_services(b, &names, keep, stamp, &found);
  if (!status && end_supervisors(b, &names, keep, stamp) < 0)
  {
    say_cannot("end the s6-supervise processes of ", b->run);
    status = errno == ETIMEDOUT ? EXIT_TIMEOUT : EXIT_SYSTEM;
  }
  free_names(&names);
  return status;
}

/* --- daemons ------------------------------------------------------------------------------------- */

/* The pid is checked again once the descriptor is held: from then on it cannot become another process. */
static int open_orphan(orphan const *o)
{
  int fd = (int)syscall(SYS_pidfd_open, o->pid, 0);

  if (fd < 0 || orphan_lives(o)) return fd;
  fd_close(fd);
  return -1;
}

static int wait_end(int fd, tain const *deadline, tain *stamp)
{
  iopause_fd x = {.fd = fd, .events = IOPAUSE_READ};
  return iopause_stamp(&x, 1, deadline, stamp);
}

static int end_daemon(orphan const *o, char const *name, tain const *deadline, tain *stamp)
{
  char pid[PID_FMT];
  tain last;
  int fd = open_orphan(o);
  int r;

  if (fd < 0) return 0;
  pid[pid_fmt(pid, o->pid)] = 0;
  say("ending an orphan of ", name, ", pid ", pid);
  (void)syscall(SYS_pidfd_send_signal, fd, SIGTERM, 0, 0);
  (void)syscall(SYS_pidfd_send_signal, fd, SIGCONT, 0, 0);
  r = wait_end(fd, deadline, stamp);
  if (!r)
  {
    (void)syscall(SYS_pidfd_send_signal, fd, SIGKILL, 0, 0);
    tain_addsec(&last, stamp, GONE_TIME);
    r = wait_end(fd, &last, stamp);
  }
  fd_close(fd);
  return r > 0 ? 0 : r < 0 ? -1 : (errno = ETIMEDOUT, -1);
}

static int end_daemons(bundle const *b, char const *name, char const *suffix, tain const *deadline,
                       tain *stamp)
{
  orphan list[ORPHANS_MAX];
  unsigned int n = find(list, b, name, suffix);
  stralloc sa = STRALLOC_ZERO;
  int result = 0;

  for (unsigned int i = 0; i < n && !result; i++) result = end_daemon(list + i, name, deadline, stamp);
  if (!result && record_path(&sa, b, "orphans", name, suffix) >= 0) unlink_void(sa.s);
  stralloc_free(&sa);
  return result;
}

int orphan_end_daemons(bundle const *b, tain *stamp)
{
  genalloc names = GENALLOC_ZERO;
  tain deadline;
  tain drain;
  int result = 0;

  if (orphan_names(&names, b) < 0) return errno == ENOENT ? 0 : -1;
  tain_from_millisecs(&drain, (int)section_number(b->self, "drain"));
  tain_add(&deadline, stamp, &drain);
  for (size_t i = 0; i < genalloc_len(char *, &names) && !result; i++)
  {
    char const *name = genalloc_s(char *, &names)[i];
    result =
        end_daemons(b, name, "", &deadline, stamp) < 0 || end_daemons(b, name, ".log", &deadline, stamp) < 0
            ? -1
            : 0;
  }
  if (result < 0) say_cannot("end the orphans of ", b->run);
  free_names(&names);
  return result;
}

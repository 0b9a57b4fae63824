#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include <runlib/clock.h>
#include <runlib/jobrecord.h>
#include <runlib/run.h>

#include "mail.h"

/*
 * A job's service: becomes snooze(1), which waits and becomes this program again, with -r: that runs the command, keeps the
 * record, tells postmaster, and becomes snooze again. So the service is one process all the time, never two runs. It keeps
 * its first user; the command has the job's, and the queue's owner queues.
 */

#define USAGE                                                                                                \
  "job [-r] [-o] [-u USER] [-t SECONDS] [-n NICE] [-h HOST] [-q QUEUER [-s SPOOL] [-U USER]] DIRECTORY "     \
  "SNOOZE-OPTIONS COMMAND..."

#define GRACE      10000   /* ms that a run may take after TERM */
#define SAID       16384   /* bytes of its last words that are mailed */
#define LATE       "3650d" /* what was missed for so long is made up for */
#define SNOOZE_MAX 32      /* words for snooze */

typedef struct job_s job;
struct job_s
{
  int due;    /* -r: run it now */
  int output; /* -o: what it says is mailed, too */
  unsigned int patience;
  int nice;
  become user;
  job_mail mail;
  char const *directory;
  char const *name;
  char const *schedule;
  char const *const *command;
  char timefile[4096];
  jobrecord record;
};

typedef struct job_run_s job_run;
struct job_run_s
{
  pid_t pid;
  int output;  /* what it says comes from there; -1: no more */
  int signals; /* a signalfd */
  int status;  /* as waitpid gives it */
  int ended;
  char const *cut; /* why it was told to end: `timed out` or `stopped`; 0: it was not */
  char said[SAID];
  size_t len;
};

/* --- the command line ----------------------------------------------------------------------------- */

static void job_find(become *b, char const *user)
{
  char const *what;
  char const *wrong = become_find(b, user, 0, &what);

  if (wrong) strerr_dief(100, wrong, what);
}

static void job_options(job *j, int argc, char const *const *argv)
{
  char const *user = 0, *queue_user = 0;
  unsigned int n;
  int c;

  while ((c = getopt(argc, (char *const *)argv, "+rou:t:n:h:q:s:U:")) != -1) switch (c)
    {
      case 'r': j->due = 1; break;
      case 'o': j->output = 1; break;
      case 'u': user = optarg; break;
      case 'h': j->mail.host = optarg; break;
      case 'q': j->mail.program = optarg; break;
      case 's': j->mail.spool = optarg; break;
      case 'U': queue_user = optarg; break;
      case 't':
        if (!uint0_scan(optarg, &j->patience)) strerr_dieusage(100, USAGE);
        break;
      case 'n':
        if (!uint0_scan(optarg, &n) || n > 19) strerr_dieusage(100, USAGE);
        j->nice = (int)n;
        break;
      default: strerr_dieusage(100, USAGE);
    }
  if (argc - optind < 3 || (j->mail.program && !j->mail.host)) strerr_dieusage(100, USAGE);
  job_find(&j->user, user);
  job_find(&j->mail.user, queue_user);
  j->directory = argv[optind];
  j->name = strrchr(j->directory, '/') ? strrchr(j->directory, '/') + 1 : j->directory;
  j->schedule = argv[optind + 1];
  j->command = argv + optind + 2;
  snprintf(j->timefile, sizeof j->timefile, "%s/time", j->directory);
}

/* --- the record ------------------------------------------------------------------------------------ */

static uint64_t job_now(void)
{
  struct timespec ts = clock_wall();
  return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* A job goes on when nothing can be written. */
static void job_record(job *j)
{
  if (jobrecord_write(&j->record, j->directory) < 0) strerr_warnwu2sys("write ", j->directory);
}

static int job_is_well(job const *j)
{
  return !strcmp(j->record.result, "exit 0") || !strcmp(j->record.result, "stopped");
}

/* Postmaster is told once that it fails, and once that it is well again. What he was not told is said next time. */
static void job_tell(job *j, char const *said, size_t len)
{
  char what[80];

  if (!job_is_well(j) && !j->record.failing)
  {
    snprintf(what, sizeof what, "failed: %s", j->record.result);
    if (job_mail_send(&j->mail, j->name, what, said, len) == 0) j->record.failing = job_now();
  }
  else if (!strcmp(j->record.result, "exit 0") && j->record.failing)
  {
    if (job_mail_send(&j->mail, j->name, "is well again", said, len) == 0) j->record.failing = 0;
  }
  else if (j->output && len)
    (void)job_mail_send(&j->mail, j->name, job_is_well(j) ? "says" : "still fails", said, len);
}

/* --- waiting --------------------------------------------------------------------------------------- */

/* snooze's words; more: those behind them. */
static void job_snooze_words(char const *words[SNOOZE_MAX], char *schedule, char const *timefile)
{
  static char const *const first[] = {"snooze", "-s", LATE, "-t"};
  unsigned int n = sizeof first / sizeof *first;
  char *rest;

  memcpy(words, first, sizeof first);
  words[n++] = timefile;
  for (char *s = strtok_r(schedule, " ", &rest); s && n < SNOOZE_MAX - 1; s = strtok_r(0, " ", &rest))
    words[n++] = s;
  words[n] = 0;
}

/* snooze -n tells the next times, a line each: 2026-11-29T03:30:00+0100 Sun ... */
static uint64_t job_next(char const *const *words)
{
  char const *argv[SNOOZE_MAX + 1] = {words[0], "-n"};
  stralloc said = STRALLOC_ZERO;
  struct tm tm = {.tm_sec = 0};
  uint64_t next = 0;

  for (unsigned int i = 1; i < SNOOZE_MAX && (argv[i + 1] = words[i]); i++)
  {
  }
  if (run_wait(argv, 0, 0, &said, 10000) == 0 && stralloc_0(&said) &&
      strptime(said.s, "%Y-%m-%dT%H:%M:%S%z", &tm))
  {
    long zone = tm.tm_gmtoff;
    next = (uint64_t)(timegm(&tm) - zone);
  }
  stralloc_free(&said);
  return next;
}

/* The first time, what was due before is not missed. */
static void job_begin(job *j)
{
  int fd = open(j->timefile, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

  if (fd >= 0)
    fd_close(fd);
  else if (errno != EEXIST)
    strerr_diefu2sys(111, "make ", j->timefile);
  if (jobrecord_read(&j->record, j->directory) < 0 && errno != ENOENT)
    strerr_warnwu2sys("read ", j->directory);
  if (!j->record.running || j->due) return;
  j->record.running = 0;
  strcpy(j->record.result, "interrupted");
  strerr_warnw("the last run was cut short");
  job_tell(j, "The machine, or what ran it, was killed in the middle of the run.\n", 67);
}

static void job_snooze(job *j, char const *const *argv)
{
  char schedule[256];
  char const *words[SNOOZE_MAX];
  char const **next;
  sigset_t none;
  size_t n = 0, m = 0;

  snprintf(schedule, sizeof schedule, "%s", j->schedule);
  job_snooze_words(words, schedule, j->timefile);
  j->record.next = job_next(words);
  job_record(j);
  while (words[n]) n++;
  while (argv[m]) m++;
  next = calloc(n + m + 2, sizeof *next);
  if (!next) strerr_diefu1sys(111, "wait");
  memcpy(next, words, n * sizeof *next);
  next[n++] = argv[0];
  next[n++] = "-r";
  memcpy(next + n, argv + 1 + j->due, (m - 1 - (size_t)j->due) * sizeof *next);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, 0);
  execvp(next[0], (char *const *)next);
  strerr_diefu2sys(111, "run ", next[0]);
}

/* --- running --------------------------------------------------------------------------------------- */

static void job_become(job const *j, int output)
{
  sigset_t none;

  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, 0);
  signal(SIGALRM, SIG_DFL);
  signal(SIGPIPE, SIG_DFL);
  if (nice(j->nice) == -1) strerr_warnwu1sys("be nice");
  if (dup2(output, 1) < 0 || dup2(output, 2) < 0 || become_them(&j->user) < 0 ||
      prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
    strerr_diefu1sys(111, "become the job's user");
  execvp(j->command[0], (char *const *)j->command);
  strerr_warnwu2sys("run ", j->command[0]);
  _exit(errno == ENOENT ? 127 : 126);
}

static void job_start(job *j, job_run *x)
{
  int fd[2];
  int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

  if (null < 0 || dup2(null, 0) < 0 || pipe2(fd, O_CLOEXEC) < 0) strerr_diefu1sys(111, "run the command");
  x->pid = fork();
  if (x->pid < 0) strerr_diefu1sys(111, "run the command");
  if (!x->pid) job_become(j, fd[1]);
  fd_close(fd[1]);
  fd_close(null);
  x->output = fd[0];
}

/* To the log at once; of the last, we keep what is mailed. */
static void job_read(job_run *x)
{
  char buf[4096];
  ssize_t n = read(x->output, buf, sizeof buf);

  if (n <= 0)
  {
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
    fd_close(x->output);
    x->output = -1;
    return;
  }
  allwrite(1, buf, (size_t)n);
  if (x->len + (size_t)n > SAID)
  {
    size_t drop = x->len + (size_t)n - SAID;
    memmove(x->said, x->said + drop, x->len - drop);
    x->len -= drop;
  }
  memcpy(x->said + x->len, buf, (size_t)n);
  x->len += (size_t)n;
}

/* s6-supervise gave us a process group, which the command and what it starts are in. We get our own signal, too. */
static void job_end(job_run *x, char const *why)
{
  if (!x->cut) x->cut = why;
  (void)kill(0, SIGTERM);
}

static void job_signal(job_run *x)
{
  struct signalfd_siginfo s;

  if (read(x->signals, &s, sizeof s) != sizeof s) return;
  if (s.ssi_signo == SIGTERM && s.ssi_pid != (uint32_t)getpid()) job_end(x, "stopped");
  if (!x->ended && waitpid_nointr(x->pid, &x->status, WNOHANG) == x->pid) x->ended = 1;
}

/* Until the command has ended. Who does not end by TERM is killed, together with us: s6 starts us again. */
static void job_watch(job *j, job_run *x)
{
  uint64_t deadline = clock_ms() + 1000ull * j->patience;

  while (!x->ended)
  {
    struct pollfd p[2] = {{.fd = x->signals, .events = POLLIN}, {.fd = x->output, .events = POLLIN}};
    uint64_t now = clock_ms();
    if (now >= deadline && x->cut) break;
    if (now >= deadline)
    {
      job_end(x, "timed out");
      deadline = now + GRACE;
    }
    if (poll(p, 2, deadline - now > 1000000 ? 1000000 : (int)(deadline - now)) <= 0) continue;
    if (p[1].revents) job_read(x);
    if (p[0].revents) job_signal(x);
  }
  if (x->output >= 0 && ndelay_on(x->output) == 0)
    for (unsigned int i = 0; i < 16 && x->output >= 0; i++) job_read(x);
}

static void job_result(job *j, job_run const *x, uint64_t began)
{
  j->record.running = 0;
  j->record.seconds = (clock_boot_ms() - began + 500) / 1000;
  if (x->cut && (!x->ended || x->status))
    strcpy(j->record.result, x->cut);
  else
    snprintf(j->record.result, sizeof j->record.result, WIFSIGNALED(x->status) ? "signal %d" : "exit %d",
             WIFSIGNALED(x->status) ? WTERMSIG(x->status) : WEXITSTATUS(x->status));
}

/* A run that was stopped by command is made up for: its start does not count. */
static void job_now_runs(job *j)
{
  static job_run x = {.output = -1};
  uint64_t began = clock_boot_ms();
  struct stat before;
  sigset_t set;

  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, 0);
  x.signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (x.signals < 0 || stat(j->timefile, &before) < 0 || utimensat(AT_FDCWD, j->timefile, 0, 0) < 0)
    strerr_diefu2sys(111, "touch ", j->timefile);
  j->record.started = job_now();
  j->record.running = 1;
  *j->record.result = 0;
  job_record(j);
  job_start(j, &x);
  job_watch(j, &x);
  job_result(j, &x, began);
  if (!strcmp(j->record.result, "stopped"))
    (void)utimensat(AT_FDCWD, j->timefile, (struct timespec[2]){before.st_mtim, before.st_mtim}, 0);
  dprintf(2, "job: %s, after %llu s\n", j->record.result, (unsigned long long)j->record.seconds);
  job_tell(j, x.said, x.len);
  job_record(j);
  if (!x.ended) (void)kill(0, SIGKILL);
  if (x.cut && !strcmp(x.cut, "stopped")) _exit(0);
  job_end(&x, ""); /* what it leaves behind */
  job_signal(&x);
  fd_close(x.signals);
}

int main(int argc, char const *const *argv)
{
  static job j = {.patience = 21600};

  PROG = "job";
  umask(022);
  signal(SIGALRM, SIG_IGN); /* who runs already is not told to begin */
  signal(SIGPIPE, SIG_IGN);
  job_options(&j, argc, argv);
  job_begin(&j);
  if (j.due) job_now_runs(&j);
  job_snooze(&j, argv);
}

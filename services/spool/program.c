#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/clock.h>

#include <services/spool/program.h>

/* The message as a Maildir has it, without the envelope that is in our file. */
static int input_of(batch const *b, job const *j, recipient const *r)
{
  int fd = openat(b->s->tmp, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

  if (fd < 0) return -1;
  if (put_write(fd, j, r) == 0 && lseek(fd, 0, SEEK_SET) == 0) return fd;
  int e = errno;
  fd_close(fd);
  errno = e;
  return -1;
}

static void become_program(batch const *b, job const *j, recipient const *r, char const *command, int fd)
{
  char const *at = strrchr(r->address, '@');
  char local[ENVELOPE_ADDRESS_MAX + 1];
  sigset_t none;

  snprintf(local, sizeof local, "%.*s", at ? (int)(at - r->address) : (int)r->len, r->address);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, 0);
  signal(SIGPIPE, SIG_DFL);
  setsid();
  if (setenv("SENDER", envelope_sender(j->m.envelope.s), 1) < 0 || setenv("RECIPIENT", r->address, 1) < 0 ||
      setenv("LOCAL", local, 1) < 0 || setenv("HOST", at ? at + 1 : "", 1) < 0 || dup2(fd, 0) < 0 ||
      dup2(2, 1) < 0 || fchdir(b->s->mail) < 0)
    _exit(111);
  execl("/bin/sh", "sh", "-c", command, (char *)0);
  _exit(111);
}

/* Returns its exit code, or -1: it took too long, crashed, or could not be watched. */
static int wait_for(pid_t pid)
{
  uint64_t end = clock_ms() + PROGRAM_SECONDS * 1000u, now;
  int pidfd = pidfd_open(pid, 0), wstat;
  struct pollfd x = {.fd = pidfd, .events = POLLIN};

  while (pidfd >= 0 && (now = clock_ms()) < end && poll(&x, 1, (int)(end - now)) <= 0)
    ;
  if (pidfd < 0 || !x.revents) kill(-pid, SIGKILL);
  if (pidfd >= 0) fd_close(pidfd);
  if (waitpid_nointr(pid, &wstat, 0) < 0 || !WIFEXITED(wstat)) return -1;
  return WEXITSTATUS(wstat);
}

static int refuses(int code)
{
  return code == 100 || code == 112 || code == 64 || code == 65 || code == 70 || code == 76 || code == 77 ||
         code == 78;
}

void program_run(batch *b, job *j, recipient const *r, char const *target)
{
  char why[64];
  int code, fd = input_of(b, j, r);
  pid_t pid = fd < 0 ? -1 : fork();

  if (!pid) become_program(b, j, r, target + 1, fd);
  if (fd >= 0) fd_close(fd);
  if (pid < 0)
  {
    deliver_defer(b, j, r, "run a program for ", "");
    return;
  }
  code = wait_for(pid);
  if (!code || code == 99)
  {
    deliver_taken(j, target);
    deliver_say("delivered ", j->name, r->address, " to ", target);
    return;
  }
  snprintf(why, sizeof why, code < 0 ? "the program did not end well" : "the program ended with exit code %d",
           code);
  deliver_result(b, j, r, refuses(code), why);
}

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/stralloc.h>
#include <skalibs/strerr.h>

#include <runlib/clock.h>
#include <runlib/utf8.h>

#include "mail.h"

/* A file in memory, to be read from its beginning. */
static int mail_file(char const *s, size_t len)
{
  int fd = memfd_create("mail", MFD_CLOEXEC);

  if (fd >= 0 && allwrite(fd, s, len) == len && lseek(fd, 0, SEEK_SET) == 0) return fd;
  if (fd >= 0) fd_close(fd);
  return -1;
}

/* Text as a mail program may show it: no control character but newline and tab. */
static int mail_add_text(stralloc *sa, char const *s, size_t len)
{
  unsigned int u;

  for (size_t n; len; s += n, len -= n)
  {
    n = utf8_scan(&u, s, len);
    if (!(u == '?' && *s != '\n' && *s != '\t' ? stralloc_catb(sa, "?", 1) : stralloc_catb(sa, s, n)))
      return -1;
  }
  return 0;
}

static int mail_message(job_mail const *m, char const *name, char const *what, char const *text, size_t len)
{
  struct timespec now = clock_wall();
  stralloc sa = STRALLOC_ZERO;
  char date[64], header[2048];
  struct tm tm;
  int fd = -1;

  gmtime_r(&now.tv_sec, &tm);
  strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", &tm);
  snprintf(
      header, sizeof header,
      "From: \"mailctl job %s\" <postmaster@%s>\nTo: <postmaster@%s>\nSubject: [%s] job %s %s\nDate: %s\n"
      "Message-ID: <%lld.%ld.%s.job@%s>\nAuto-Submitted: auto-generated\nMIME-Version: 1.0\n"
      "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n",
      name, m->host, m->host, m->host, name, what, date, (long long)now.tv_sec, now.tv_nsec / 1000, name,
      m->host);
  if (stralloc_cats(&sa, header) && mail_add_text(&sa, text, len) == 0) fd = mail_file(sa.s, sa.len);
  stralloc_free(&sa);
  return fd;
}

static void mail_become(job_mail const *m, int message, int envelope)
{
  char const *const argv[] = {m->program, m->spool, 0};
  sigset_t none;

  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, 0);
  if (dup2(message, 0) < 0 || dup2(envelope, 1) < 0 || become_them(&m->user) < 0) _exit(111);
  execv(m->program, (char *const *)argv);
  _exit(errno == ENOENT ? 127 : 126);
}

int job_mail_send(job_mail const *m, char const *name, char const *what, char const *text, size_t len)
{
  int message, envelope, status = -1;
  pid_t pid;

  if (!m->program) return 0;
  message = mail_message(m, name, what, text, len);
  envelope = mail_file("F\0Tpostmaster\0", sizeof "F\0Tpostmaster\0");
  pid = message < 0 || envelope < 0 ? -1 : fork();
  if (!pid) mail_become(m, message, envelope);
  if (pid > 0) waitpid_nointr(pid, &status, 0);
  if (message >= 0) fd_close(message);
  if (envelope >= 0) fd_close(envelope);
  if (!status) return 0;
  strerr_warnw("unable to queue a message to postmaster with ", m->program);
  return -1;
}

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>

#include <runlib/users.h>

#include <services/contract/where.h>

#include <ctl/command/command.h>
#include <ctl/command/password.h>
#include <ctl/machine/load.h>
#include <ctl/say.h>

/* --- the terminal ---------------------------------------------------------------------------------- */

static int const stoppers[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP};
#define STOPPERS (sizeof stoppers / sizeof stoppers[0])

static int volatile stopped;

static void on_stop(int sig)
{
  stopped = sig;
}

/* Reads a line, without its newline, into s (size bytes with the NUL). 0, or -1 and errno (E2BIG, EINTR). */
static int read_line(char *s, size_t size, sigset_t const *allowed)
{
  size_t len = 0;
  ssize_t r = 0;

  while (len < size && !stopped)
  {
    struct pollfd x = {.fd = 0, .events = POLLIN};
    /* A signal is let in here alone, so that none comes between a look at stopped and the wait. */
    if (ppoll(&x, 1, 0, allowed) < 0 && errno == EINTR) continue;
    r = read(0, s + len, 1);
    if (r < 0 && errno == EINTR && !stopped) continue;
    if (r <= 0 || s[len] == '\n') break;
    len++;
  }
  if (stopped) return (errno = EINTR, -1);
  if (r < 0) return -1;
  if (len == size) return (errno = E2BIG, -1);
  if (len && s[len - 1] == '\r') len--; /* of a file from elsewhere */
  s[len] = 0;
  return 0;
}

/* Asks on the terminal, which is descriptor 0, without echo. */
static int ask(char const *prompt, char *s, size_t size, sigset_t const *allowed)
{
  struct termios old;
  struct termios quiet;
  int result;
  int e;

  if (tcgetattr(0, &old) < 0) return -1;
  quiet = old;
  quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK);
  quiet.c_lflag |= ECHONL;
  if (tcsetattr(0, TCSAFLUSH, &quiet) < 0) return -1;
  allwrite(2, prompt, strlen(prompt));
  result = read_line(s, size, allowed);
  e = errno;
  tcsetattr(0, TCSAFLUSH, &old);
  errno = e;
  return result;
}

static int ask_twice(char *s, size_t size, sigset_t const *allowed)
{
  char again[USERS_PAIRMAX + 2];
  int result;

  if (ask("New password: ", s, size, allowed) < 0 || ask("Again: ", again, sizeof again, allowed) < 0)
    return -1;
  result = strcmp(s, again);
  explicit_bzero(again, sizeof again);
  if (!result) return 0;
  say("passwd: the two differ; nothing is changed");
  return 1;
}

/* A signal that comes while the echo is off must not leave it off. */
static int ask_safely(char *s, size_t size)
{
  struct sigaction catch = {.sa_handler = &on_stop};
  struct sigaction old[STOPPERS];
  sigset_t held, before;
  int result;

  sigemptyset(&held);
  for (unsigned int i = 0; i < STOPPERS; i++) sigaddset(&held, stoppers[i]);
  sigprocmask(SIG_BLOCK, &held, &before);
  for (unsigned int i = 0; i < STOPPERS; i++) sigaction(stoppers[i], &catch, old + i);
  result = ask_twice(s, size, &before);
  sigprocmask(SIG_SETMASK, &before, 0);
  for (unsigned int i = 0; i < STOPPERS; i++) sigaction(stoppers[i], old + i, 0);
  if (stopped) raise(stopped);
  return result;
}

/* --------------------------------------------------------------------------------------------------- */

/* 0, or the exit status to end with. */
static int read_password(char const *name, char *s, size_t size)
{
  char const *fault;
  int result = isatty(0) ? ask_safely(s, size) : read_line(s, size, 0);

  if (result > 0) return EXIT_NO;
  if (result < 0 && errno == E2BIG)
  {
    say("passwd: name and password are longer than 500 bytes");
    return EXIT_USAGE;
  }
  if (result < 0)
  {
    say_cannot("read the password");
    return EXIT_SYSTEM;
  }
  fault = users_pair_fault(name, s);
  if (!fault) return 0;
  say("passwd: ", fault);
  return EXIT_USAGE;
}

/* The file of users, where passwords are ours to set. 0, or the exit status to end with. */
static int find_file(context const *cx, wanted const *w, stralloc *file)
{
  section const *s = bundle_section(&w->b, "auth");
  char const *program = s ? section_text(s, "program") : 0;

  if (!s)
  {
    say("passwd: ", cx->file, " has no section [auth]");
    return EXIT_CONF;
  }
  if (program && *program)
  {
    say("passwd: [auth] runs `", program, "`: its passwords are not mailctl's to set");
    return EXIT_NO;
  }
  if (auth_users_file(file, &w->b) == 0) return 0;
  say_cannot("find the file of users");
  return EXIT_SYSTEM;
}

static int set(context const *cx, wanted const *w, char const *file, char const *name)
{
  char program[PATH_MAX];
  char password[USERS_PAIRMAX + 2];
  int status = read_password(name, password, sizeof password);

  if (!status)
  {
    snprintf(program, sizeof program, "%s/checkpassword-file", cx->libexec);
    status = passwd_set(program, file, auth_users_owner(&w->b), name, password);
    if (status < 0)
    {
      say_cannot("run ", program);
      status = EXIT_SYSTEM;
    }
  }
  explicit_bzero(password, sizeof password);
  if (!status) printf("password of %s set\n", name);
  return status;
}

int command_passwd(context const *cx, int argc, char const *const *argv)
{
  wanted w = WANTED_ZERO;
  stralloc file = STRALLOC_ZERO;
  char const *fault;
  int status;

  if (argc != 2 || argv[1][0] == '-') return usage_error(argv[0], "whose? one NAME");
  fault = users_pair_fault(argv[1], "x");
  if (fault)
  {
    say("passwd: ", fault);
    return EXIT_USAGE;
  }
  status = wanted_load(&w, cx, 0);
  if (!status) status = find_file(cx, &w, &file);
  if (!status) status = set(cx, &w, file.s, argv[1]);
  stralloc_free(&file);
  wanted_free(&w);
  return status;
}

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <termios.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>

#include <runlib/run.h>
#include <runlib/users.h>

#include <ctl/command/password.h>
#include <ctl/context.h>
#include <ctl/say.h>

#define PASSWD_TIME 60000 /* ms: what hashes and writes it may wait for the lock of the file */

int passwd_generate(char s[PASSWD_GENERATED + 1])
{
  static char const letters[32] = "abcdefghijkmnpqrstuvwxyz23456789";
  unsigned char r[PASSWD_GENERATED];

  if (getrandom(r, sizeof r, 0) != sizeof r) return -1;
  for (unsigned int i = 0; i < sizeof r; i++) s[i] = letters[r[i] % 32];
  s[PASSWD_GENERATED] = 0;
  explicit_bzero(r, sizeof r);
  return 0;
}

int passwd_set(char const *program, char const *file, char const *owner, char const *name,
               char const *password)
{
  char const *argv[] = {program, "--set", "-u", owner, file, name, 0};
  char const *plain[] = {program, "--set", file, name, 0};
  size_t len = strlen(password);
  int status;

  if (len > USERS_PAIRMAX) return (errno = ENAMETOOLONG, -1);
  status = run_wait(owner ? argv : plain, password, len, 0, PASSWD_TIME);
  return status < 256 ? status : (errno = EINTR, -1);
}

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

static int ask_twice(char const *command, char *s, size_t size, sigset_t const *allowed)
{
  char again[USERS_PAIRMAX + 2];
  int result;

  if (ask("New password: ", s, size, allowed) < 0 || ask("Again: ", again, sizeof again, allowed) < 0)
    return -1;
  result = strcmp(s, again);
  explicit_bzero(again, sizeof again);
  if (!result) return 0;
  say(command, ": the two differ; nothing is changed");
  return 1;
}

/* A signal that comes while the echo is off must not leave it off. */
static int ask_safely(char const *command, char *s, size_t size)
{
  struct sigaction catch = {.sa_handler = &on_stop};
  struct sigaction old[STOPPERS];
  sigset_t held, before;
  int result;

  sigemptyset(&held);
  for (unsigned int i = 0; i < STOPPERS; i++) sigaddset(&held, stoppers[i]);
  sigprocmask(SIG_BLOCK, &held, &before);
  for (unsigned int i = 0; i < STOPPERS; i++) sigaction(stoppers[i], &catch, old + i);
  result = ask_twice(command, s, size, &before);
  sigprocmask(SIG_SETMASK, &before, 0);
  for (unsigned int i = 0; i < STOPPERS; i++) sigaction(stoppers[i], old + i, 0);
  if (stopped) raise(stopped);
  return result;
}

int passwd_read(char const *command, char const *name, char *s, size_t size)
{
  char const *fault;
  int result = isatty(0) ? ask_safely(command, s, size) : read_line(s, size, 0);

  if (result > 0) return EXIT_NO;
  if (result < 0 && errno == E2BIG)
  {
    say(command, ": name and password are longer than 500 bytes");
    return EXIT_USAGE;
  }
  if (result < 0)
  {
    say_cannot("read the password");
    return EXIT_SYSTEM;
  }
  fault = users_pair_fault(name, s);
  if (!fault) return 0;
  say(command, ": ", fault);
  return EXIT_USAGE;
}

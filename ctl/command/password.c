#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/users.h>

#include <ctl/command/password.h>

int passwd_generate(char s[PASSWD_GENERATED + 1])
{
  static char const letters[32] = "abcdefghjkmnpqrstuvwxyz23456789A";
  unsigned char r[PASSWD_GENERATED];

  if (getrandom(r, sizeof r, 0) != sizeof r) return -1;
  for (unsigned int i = 0; i < sizeof r; i++) s[i] = letters[r[i] % 32];
  s[PASSWD_GENERATED] = 0;
  explicit_bzero(r, sizeof r);
  return 0;
}

static void become(char const *const *argv, int password)
{
  if (password ? dup2(password, 0) < 0 : fcntl(0, F_SETFD, 0) < 0) _exit(111);
  execv(argv[0], (char *const *)argv);
  _exit(127);
}

static int run(char const *const *argv, int password)
{
  pid_t pid = fork();
  int status;

  if (!pid) become(argv, password);
  if (pid < 0) return -1;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return -1;
  if (!WIFEXITED(status)) return (errno = EINTR, -1);
  if (WEXITSTATUS(status) == 127) return (errno = ENOENT, -1);
  return WEXITSTATUS(status);
}

int passwd_set(char const *program, char const *file, char const *owner, char const *name,
               char const *password)
{
  char const *argv[] = {program, "--set", "-u", owner, file, name, 0};
  char const *plain[] = {program, "--set", file, name, 0};
  size_t len = strlen(password);
  int result = -1;
  int p[2];
  int e;

  if (len > USERS_PAIRMAX) return (errno = ENAMETOOLONG, -1);
  if (pipe2(p, O_CLOEXEC) < 0) return -1;
  /* The pipe holds it all before the program starts. */
  if (write(p[1], password, len) == (ssize_t)len)
  {
    fd_close(p[1]);
    p[1] = -1;
    result = run(owner ? argv : plain, p[0]);
  }
  e = errno;
  if (p[1] >= 0) fd_close(p[1]);
  fd_close(p[0]);
  errno = e;
  return result;
}

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include <runlib/run.h>
#include <runlib/users.h>

#include <ctl/command/password.h>

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

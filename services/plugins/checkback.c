#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <runlib/clock.h>
#include <runlib/siphash.h>

#include <services/plugins/kit.h>

/*
 * What was answered is kept in one file of fixed size, so that strangers cannot make it grow: a key for the hash, then
 * places, of which an address has one, and shares it with whoever comes later.
 */
#define PLACES   16384
#define GOOD_TTL (7 * 86400) /* s */
#define BAD_TTL  3600
#define PATIENCE 25000 /* ms; plugins have 30 s */
#define ANSWER   4096

extern char **environ;

typedef struct kept_s kept;
struct kept_s
{
  uint64_t hash;
  uint64_t when;  /* seconds since 1970 */
  uint64_t taken; /* 1: its server takes mail for it; 0: it does not */
};

/* The file, with a key in it; -1: there is none, and every question is asked. */
static int checkback_open(char const *file, unsigned char key[SIPHASH_KEY])
{
  int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

  if (fd < 0 || pread(fd, key, SIPHASH_KEY, 0) == SIPHASH_KEY) return fd;
  if (getrandom(key, SIPHASH_KEY, 0) == SIPHASH_KEY && pwrite(fd, key, SIPHASH_KEY, 0) == SIPHASH_KEY)
    return fd;
  close(fd);
  return -1;
}

static off_t checkback_place(uint64_t hash)
{
  return SIPHASH_KEY + (off_t)(hash % PLACES * sizeof(kept));
}

/* 1, 0, or -1: it is not known, or was for too long. */
static int checkback_recall(int fd, uint64_t hash, uint64_t now)
{
  kept k;

  if (fd < 0 || pread(fd, &k, sizeof k, checkback_place(hash)) != sizeof k || k.hash != hash ||
      k.when > now || now - k.when > (k.taken ? GOOD_TTL : BAD_TTL))
    return -1;
  return k.taken == 1;
}

/* Starts remote, which only asks; its report comes from the descriptor that is returned. -1: errno. */
static int checkback_start(char const *program, char const *address, pid_t *pid)
{
  char const *argv[] = {program, "-p", strrchr(address, '@') + 1, "", address, 0};
  posix_spawn_file_actions_t actions;
  int p[2], e;

  if (pipe2(p, O_CLOEXEC) < 0) return -1;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, p[1], 1);
  e = posix_spawn(pid, program, &actions, 0, (char *const *)argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(p[1]);
  if (!e) return p[0];
  close(p[0]);
  return errno = e, -1;
}

/* The first letter of the report: the recipient's, or the message's where it did not come to that; 0: none came in time. */
static char checkback_ask(char const *program, char const *address, decision *d)
{
  uint64_t deadline = clock_ms() + PATIENCE;
  char answer[ANSWER] = "";
  size_t len = 0;
  ssize_t n;
  pid_t pid;
  int fd = checkback_start(program, address, &pid);

  if (fd < 0)
  {
    decision_log(d, "error: unable to run %s", program);
    return 0;
  }
  while (len < sizeof answer && clock_await(fd, POLLIN, deadline) == 0 &&
         (n = read(fd, answer + len, sizeof answer - len)) > 0)
    len += (size_t)n;
  close(fd);
  kill(pid, SIGKILL); /* it has ended, or is late */
  waitpid(pid, 0, 0);
  return answer[0];
}

/* Whether the sender's own server takes mail for the sender. Who cannot be asked gets through. */
static void checkback_decide(env const *e, decision *d)
{
  char const *address = env_get(e, "SMTPMAILFROM"), *file = env_get(e, "CHECKBACKCACHE");
  char const *program = env_get(e, "CHECKBACKREMOTE");
  unsigned char key[SIPHASH_KEY];
  kept k = {.when = (uint64_t)clock_wall().tv_sec};
  int fd, taken;
  char letter;

  if (!address || !strrchr(address, '@') || env_get(e, "SMTPAUTHUSER") || env_get(e, "RELAYCLIENT")) return;
  fd = file ? checkback_open(file, key) : -1;
  if (fd >= 0) k.hash = siphash13(key, 0, address, strlen(address));
  taken = checkback_recall(fd, k.hash, k.when);
  if (taken < 0)
  {
    letter = checkback_ask(program ? program : "/usr/local/libexec/mailctl/remote", address, d);
    taken = letter == 'r' ? 1 : letter == 'h' || letter == 'D' ? 0 : -1;
    k.taken = (uint64_t)taken;
    if (taken >= 0 && fd >= 0 && pwrite(fd, &k, sizeof k, checkback_place(k.hash)) < 0)
      decision_log(d, "error: unable to write %s", file);
  }
  if (fd >= 0) close(fd);
  if (taken) return;
  decision_say(d, 'E', "550 5.1.8 sorry, the sender's own server takes no mail for him");
  decision_log(d, "%s is not taken by its server", address);
}

int main(int argc, char const *const *argv)
{
  static plugin const p = {
      .name = "checkback",
      .help = "checkback\n"
              "In [rcpt]: refuses senders for whom their own servers take no mail, which it asks them.\n"
              "Think before you use it: checkback(8) says what is wrong with it.\n"
              "CHECKBACKCACHE is a file for the answers, CHECKBACKREMOTE where remote(8) is.\n",
      .decide = checkback_decide,
  };
  return plugin_run(argc, argv, &p);
}

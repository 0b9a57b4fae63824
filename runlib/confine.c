#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <runlib/confine.h>

#include "confine-internal.h"

int confine_self(void)
{
  struct rlimit const none = {0, 0};

  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return -1;
  return setrlimit(RLIMIT_CORE, &none);
}

#ifndef SANITIZED
/* What was given may be less, and only root may have more again. */
static int lower(int resource, rlim_t n)
{
  struct rlimit given;

  if (getrlimit((__rlimit_resource_t)resource, &given) < 0) return -1;
  if (given.rlim_cur > n) given.rlim_cur = n;
  if (given.rlim_max > n) given.rlim_max = n;
  return setrlimit((__rlimit_resource_t)resource, &given);
}
#endif

int confine_resources(unsigned long bytes, unsigned int files, int spawns)
{
#ifdef SANITIZED
  (void)bytes, (void)files, (void)spawns;
  return 0;
#else
  if (lower(RLIMIT_DATA, bytes) < 0 || lower(RLIMIT_NOFILE, files) < 0) return -1;
  return spawns ? 0 : lower(RLIMIT_NPROC, 0);
#endif
}

int confine_growth(uint64_t bytes)
{
#ifdef SANITIZED
  (void)bytes;
  return 0;
#else
  return signal(SIGXFSZ, SIG_IGN) == SIG_ERR ? -1 : lower(RLIMIT_FSIZE, (rlim_t)bytes);
#endif
}

/* --- Landlock: Documentation/userspace-api/landlock.rst of the kernel ----------------------------- */

/* Of later kernels than the headers'. */
#define FS_TRUNCATE  (UINT64_C(1) << 14) /* ABI 3 */
#define FS_IOCTL_DEV (UINT64_C(1) << 15) /* ABI 5 */

typedef struct attributes_s attributes;
struct attributes_s
{
  uint64_t files;
  uint64_t net;    /* ABI 4; the filter of the calls holds more */
  uint64_t scoped; /* ABI 6: 1 abstract sockets, 2 signals */
};

/* What each bit of `may` is; executing needs reading. */
static uint64_t const rights[] = {LANDLOCK_ACCESS_FS_READ_FILE,
                                  LANDLOCK_ACCESS_FS_WRITE_FILE,
                                  LANDLOCK_ACCESS_FS_READ_DIR,
                                  LANDLOCK_ACCESS_FS_MAKE_REG,
                                  LANDLOCK_ACCESS_FS_REMOVE_FILE,
                                  LANDLOCK_ACCESS_FS_REFER,
                                  LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE};

/* Those that a single file can have. */
#define OF_FILES (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_EXECUTE)

int confine_paths(void)
{
  attributes a = {.files = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1};
  long abi = syscall(SYS_landlock_create_ruleset, 0, 0, LANDLOCK_CREATE_RULESET_VERSION);
  size_t size = abi < 4 ? 8 : abi < 6 ? 16 : 24;

  if (abi < 1) return (errno = EOPNOTSUPP, -1);
  if (abi >= 2) a.files |= LANDLOCK_ACCESS_FS_REFER;
  if (abi >= 3) a.files |= FS_TRUNCATE;
  if (abi >= 5) a.files |= FS_IOCTL_DEV;
  if (abi >= 6) a.scoped = 3;
  return (int)syscall(SYS_landlock_create_ruleset, &a, size, 0);
}

int confine_paths_allow(int set, int fd, unsigned int may)
{
  struct landlock_path_beneath_attr rule = {.parent_fd = fd};
  struct stat st;

  for (unsigned int i = 0; i < sizeof rights / sizeof rights[0]; i++)
    if (may & 1U << i) rule.allowed_access |= rights[i];
  if (fstat(fd, &st) < 0) return -1;
  if (!S_ISDIR(st.st_mode)) rule.allowed_access &= OF_FILES;
  return (int)syscall(SYS_landlock_add_rule, set, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

int confine_paths_add(int set, char const *path, unsigned int may)
{
  int fd = open(path, O_PATH | O_CLOEXEC);
  int result, e;

  if (fd < 0) return -1;
  result = confine_paths_allow(set, fd, may);
  e = errno;
  close(fd);
  errno = e;
  return result;
}

int confine_paths_enter(int set)
{
#ifdef SANITIZED
  (void)set;
  return 0;
#else
  return (int)syscall(SYS_landlock_restrict_self, set, 0);
#endif
}

#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "confine-internal.h"

/* The folder is gone before anything runs in it: nothing can ever be in it. */
static int empty_root(void)
{
  char path[] = "/tmp/tlsd-empty.XXXXXX";

  if (!mkdtemp(path)) return -1;
  if (chdir(path) < 0)
  {
    rmdir(path);
    return -1;
  }
  if (rmdir(path) < 0) return -1;
  return chroot(".");
}

int confine(uid_t uid, gid_t gid)
{
  struct rlimit const none = {0, 0};

  if (geteuid() == 0 && uid)
  {
    if (empty_root() < 0 || setgroups(0, 0) < 0 || setgid(gid) < 0 || setuid(uid) < 0) return -1;
    if (setuid(0) == 0) return (errno = EPERM, -1);
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return -1;
  return setrlimit(RLIMIT_CORE, &none);
}

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#endif

#define LOAD(field)  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, what)
#define REFUSE       RETURN(SECCOMP_RET_ERRNO | EPERM)
#define ALLOW(call)  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1), RETURN(SECCOMP_RET_ALLOW)
/* Memory may change, but never become executable. */
#define ALLOW_DATA(call)                                                                                     \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 4), LOAD(args[2]),                                            \
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1), REFUSE, RETURN(SECCOMP_RET_ALLOW)

/* A sanitizer's run-time opens files and starts threads. */
#if defined(__SANITIZE_ADDRESS__)
#undef ARCH
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#undef ARCH
#endif
#endif

int confine_calls(void)
{
#ifdef ARCH
  static struct sock_filter code[] = {LOAD(arch),
                                      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
                                      RETURN(SECCOMP_RET_KILL_PROCESS),
                                      LOAD(nr),
#ifdef __NR_poll
                                      ALLOW(__NR_poll),
#endif
#ifdef __NR_time
                                      ALLOW(__NR_time),
#endif
                                      ALLOW(__NR_read),
                                      ALLOW(__NR_write),
                                      ALLOW(__NR_ppoll),
                                      ALLOW(__NR_recvmsg),
                                      ALLOW(__NR_sendmsg),
                                      ALLOW(__NR_recvfrom),
                                      ALLOW(__NR_sendto),
                                      ALLOW(__NR_writev),
                                      ALLOW(__NR_close),
                                      ALLOW(__NR_shutdown),
                                      ALLOW(__NR_socketpair),
                                      ALLOW(__NR_setsockopt),
                                      ALLOW(__NR_fcntl),
                                      ALLOW(__NR_fstat),
                                      ALLOW(__NR_brk),
                                      ALLOW(__NR_munmap),
                                      ALLOW(__NR_mremap),
                                      ALLOW(__NR_madvise),
                                      ALLOW(__NR_futex),
                                      ALLOW(__NR_clock_gettime),
                                      ALLOW(__NR_gettimeofday),
                                      ALLOW(__NR_getrandom),
                                      ALLOW(__NR_getpid),
                                      ALLOW(__NR_gettid),
                                      ALLOW(__NR_rt_sigprocmask),
                                      ALLOW(__NR_rt_sigaction),
                                      ALLOW(__NR_rt_sigreturn),
                                      ALLOW(__NR_rt_sigtimedwait),
                                      ALLOW(__NR_restart_syscall),
                                      ALLOW(__NR_sched_yield),
                                      ALLOW(__NR_exit),
                                      ALLOW(__NR_exit_group),
                                      ALLOW_DATA(__NR_mmap),
                                      ALLOW_DATA(__NR_mprotect),
                                      REFUSE};
  struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};

  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
#else
  return 0;
#endif
}

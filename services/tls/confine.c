#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
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

/* A sanitizer's run-time opens files, starts threads, and maps terabytes; valgrind (make memcheck) as well. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifdef SANITIZED
#undef ARCH
#endif

int confine_resources(void)
{
#ifdef SANITIZED
  return 0;
#else
  /* The first bounds the user's descriptors under way in messages, too (unix(7), ETOOMANYREFS). */
  struct rlimit files = {1024, 1024};
  struct rlimit const data = {64 << 20, 64 << 20};
  struct rlimit const processes = {0, 0};
  struct rlimit given;
  /* What was given may be less, and only root may have more again. */
  if (getrlimit(RLIMIT_NOFILE, &given) == 0 && given.rlim_max < files.rlim_max)
    files.rlim_cur = files.rlim_max = given.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &files) < 0 || setrlimit(RLIMIT_DATA, &data) < 0 ||
                 setrlimit(RLIMIT_NPROC, &processes) < 0
             ? -1
             : 0;
#endif
}

#ifdef ARCH
#define LOAD(field)  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, what)
#define REFUSE       RETURN(SECCOMP_RET_ERRNO | EPERM)
#define ALLOW        RETURN(SECCOMP_RET_ALLOW)

#define WORDS 15 /* of 32 calls: all that there are numbers for */

#define BIT(name, word) (__NR_##name / 32 == (word) ? UINT32_C(1) << (__NR_##name % 32) : 0)
#ifdef __NR_poll
#define OLD_CALLS(w) BIT(poll, w) | BIT(time, w)
#else
#define OLD_CALLS(w) 0
#endif
#define CALLS(w)                                                                                             \
  (BIT(read, w) | BIT(write, w) | BIT(ppoll, w) | BIT(recvmsg, w) | BIT(sendmsg, w) | BIT(accept4, w) |      \
   BIT(getsockopt, w) | BIT(geteuid, w) | BIT(recvfrom, w) | BIT(sendto, w) | BIT(writev, w) |               \
   BIT(close, w) | BIT(shutdown, w) | BIT(socketpair, w) | BIT(setsockopt, w) | BIT(fcntl, w) |              \
   BIT(fstat, w) | BIT(brk, w) | BIT(munmap, w) | BIT(mremap, w) | BIT(madvise, w) | BIT(futex, w) |         \
   BIT(clock_gettime, w) | BIT(gettimeofday, w) | BIT(getrandom, w) | BIT(getpid, w) | BIT(gettid, w) |      \
   BIT(rt_sigprocmask, w) | BIT(rt_sigaction, w) | BIT(rt_sigreturn, w) | BIT(rt_sigtimedwait, w) |          \
   BIT(restart_syscall, w) | BIT(sched_yield, w) | BIT(exit, w) | BIT(exit_group, w) | OLD_CALLS(w))

/* The calls of one word, and on to the shift if it is theirs. */
#define WORD(i)                                                                                              \
  BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, ((i) + 1) * 32, 2, 0), BPF_STMT(BPF_LD | BPF_IMM, CALLS(i)),           \
      BPF_JUMP(BPF_JMP | BPF_JA, 3 * (WORDS - 1 - (i)) + 1, 0, 0)

/*
 * A mask of 32 calls a word, shifted by the call's number. A test a call would be plainer, but every worker
 * installs the filter anew, and the kernel tries a plain one out on all of its calls: 300 us a session more.
 */
static struct sock_filter const code[] = {
    LOAD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
    RETURN(SECCOMP_RET_KILL_PROCESS),
    LOAD(nr),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_mmap, 3 * WORDS + 12, 0), /* to the look at the protection */
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_mprotect, 3 * WORDS + 11, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_prctl, 3 * WORDS + 8, 0),
    BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 31),
    BPF_STMT(BPF_MISC | BPF_TAX, 0),
    LOAD(nr),
    WORD(0),
    WORD(1),
    WORD(2),
    WORD(3),
    WORD(4),
    WORD(5),
    WORD(6),
    WORD(7),
    WORD(8),
    WORD(9),
    WORD(10),
    WORD(11),
    WORD(12),
    WORD(13),
    WORD(14),
    REFUSE, /* a number above all masks */
    BPF_STMT(BPF_ALU | BPF_RSH | BPF_X, 0),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 1, 0, 1),
    ALLOW,
    REFUSE,
    LOAD(args[0]), /* its name in ps, when a client has come */
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_SET_NAME, 3, 2),
    LOAD(args[2]), /* memory may change, but never become executable */
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1),
    REFUSE,
    ALLOW};
#endif

int confine_calls(void)
{
#ifdef ARCH
  struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = (struct sock_filter *)code};

  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
#else
  return 0;
#endif
}

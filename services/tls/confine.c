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

/* A sanitizer's run-time opens files, starts threads, and maps terabytes. */
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
  struct rlimit const files = {1024, 1024};
  struct rlimit const data = {64 << 20, 64 << 20};
  struct rlimit const processes = {0, 0};
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

#define HEAD  8  /* instructions before the masks */
#define WORDS 15 /* of 32 calls: all that there are numbers for */
#define TAIL  9

static int const calls[] = {
    __NR_read,         __NR_write,        __NR_ppoll,           __NR_recvmsg,
    __NR_sendmsg,      __NR_accept4,      __NR_getsockopt,      __NR_geteuid,
    __NR_recvfrom,     __NR_sendto,       __NR_writev,          __NR_close,
    __NR_shutdown,     __NR_socketpair,   __NR_setsockopt,      __NR_fcntl,
    __NR_fstat,        __NR_brk,          __NR_munmap,          __NR_mremap,
    __NR_madvise,      __NR_futex,        __NR_clock_gettime,   __NR_gettimeofday,
    __NR_getrandom,    __NR_getpid,       __NR_gettid,          __NR_rt_sigprocmask,
    __NR_rt_sigaction, __NR_rt_sigreturn, __NR_rt_sigtimedwait, __NR_restart_syscall,
    __NR_sched_yield,  __NR_exit,         __NR_exit_group,
#ifdef __NR_poll
    __NR_poll,
#endif
#ifdef __NR_time
    __NR_time,
#endif
};

static void fill_masks(uint32_t masks[WORDS])
{
  memset(masks, 0, WORDS * sizeof *masks);
  for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
    if (calls[i] < WORDS * 32) masks[calls[i] / 32] |= UINT32_C(1) << (calls[i] % 32);
}

/*
 * A mask of 32 calls a word, shifted by the call's number. A test a call would be plainer, but every worker
 * installs the filter anew, and the kernel tries a plain one out on all of its calls: 300 us a session more.
 */
static unsigned int assemble(struct sock_filter *code)
{
  static struct sock_filter const head[HEAD] = {
      LOAD(arch),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
      RETURN(SECCOMP_RET_KILL_PROCESS),
      LOAD(nr),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_mmap, 3 * WORDS + 9, 0), /* to the look at the protection */
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_mprotect, 3 * WORDS + 8, 0),
      BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 31),
      BPF_STMT(BPF_MISC | BPF_TAX, 0)};
  static struct sock_filter const tail[TAIL] = {
      REFUSE, /* a number above all masks */
      BPF_STMT(BPF_ALU | BPF_RSH | BPF_X, 0),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 1, 0, 1),
      ALLOW,
      REFUSE,
      LOAD(args[2]), /* memory may change, but never become executable */
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1),
      REFUSE,
      ALLOW};
  uint32_t masks[WORDS];
  unsigned int n = HEAD;

  fill_masks(masks);
  memcpy(code, head, sizeof head);
  code[n++] = (struct sock_filter)LOAD(nr);
  for (unsigned int i = 0; i < WORDS; i++)
  {
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (i + 1) * 32, 2, 0);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, masks[i]);
    code[n] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, 3 * (WORDS - 1 - i) + 1, 0, 0);
    n++;
  }
  memcpy(code + n, tail, sizeof tail);
  return n + TAIL;
}
#endif

int confine_calls(void)
{
#ifdef ARCH
  static struct sock_filter code[HEAD + 1 + 3 * WORDS + TAIL];
  struct sock_fprog program = {.filter = code};

  program.len = (unsigned short)assemble(code);
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0);
#else
  return 0;
#endif
}

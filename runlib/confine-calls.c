#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <runlib/confine.h>

#include "confine-internal.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#endif
#ifdef SANITIZED
#undef ARCH
#endif

#ifndef ARCH
void confine_calls_make(confine_calls *c, unsigned int groups)
{
  (void)groups;
  c->n = 0;
}
#else

#define WORDS 15 /* of 32 calls: all that there are numbers for */

static uint16_t const base[] = {
    __NR_read,
    __NR_write,
    __NR_readv,
    __NR_writev,
    __NR_pread64,
    __NR_pwrite64,
    __NR_lseek,
    __NR_close,
    __NR_close_range,
    __NR_dup,
    __NR_dup3,
    __NR_pipe2,
    __NR_ppoll,
    __NR_epoll_create1,
    __NR_epoll_ctl,
    __NR_epoll_pwait,
    __NR_eventfd2,
    __NR_pselect6,
    __NR_fstat,
    __NR_recvfrom,
    __NR_sendto,
    __NR_recvmsg,
    __NR_sendmsg,
    __NR_shutdown,
    __NR_getsockopt,
    __NR_getsockname,
    __NR_getpeername,
    __NR_brk,
    __NR_munmap,
    __NR_mremap,
    __NR_madvise,
    __NR_futex,
    __NR_clock_gettime,
    __NR_clock_nanosleep,
    __NR_nanosleep,
    __NR_gettimeofday,
    __NR_getrandom,
    __NR_getpid,
    __NR_getppid,
    __NR_gettid,
    __NR_getuid,
    __NR_geteuid,
    __NR_getgid,
    __NR_getegid,
    __NR_umask,
    __NR_rt_sigprocmask,
    __NR_rt_sigaction,
    __NR_rt_sigreturn,
    __NR_rt_sigtimedwait,
    __NR_rt_sigpending,
    __NR_sigaltstack,
    __NR_sched_yield,
    __NR_restart_syscall,
    __NR_exit,
    __NR_exit_group,
#ifdef __NR_poll
    __NR_poll,
    __NR_time,
    __NR_dup2,
    __NR_pipe,
    __NR_select,
    __NR_epoll_wait,
    __NR_alarm,
#endif
};
static uint16_t const files[] = {
    __NR_openat,    __NR_newfstatat, __NR_statx,           __NR_faccessat, __NR_faccessat2, __NR_readlinkat,
    __NR_renameat2, __NR_unlinkat,   __NR_linkat,          __NR_fsync,     __NR_fdatasync,  __NR_ftruncate,
    __NR_flock,     __NR_fchmod,     __NR_fallocate,       __NR_getcwd,    __NR_statfs,     __NR_fstatfs,
    __NR_utimensat, __NR_mkdirat,    __NR_sync_file_range, __NR_fadvise64, __NR_msync,
#ifdef __NR_renameat
    __NR_renameat,
#endif
#ifdef __NR_open
    __NR_open,      __NR_stat,       __NR_lstat,           __NR_access,    __NR_rename,     __NR_unlink,
    __NR_link,      __NR_readlink,   __NR_mkdir,           __NR_creat,
#endif
};
static uint16_t const entries[] = {
    __NR_getdents64,
#ifdef __NR_getdents
    __NR_getdents,
#endif
};
static uint16_t const connects[] = {__NR_connect};
static uint16_t const binds[] = {__NR_bind};
static uint16_t const serve[] = {__NR_bind, __NR_listen};
static uint16_t const accepts[] = {__NR_accept, __NR_accept4};
typedef uint32_t masks[WORDS];

static void add(masks m, uint16_t const *calls, size_t n)
{
  for (; n; n--, calls++)
    if (*calls / 32 < WORDS) m[*calls / 32] |= UINT32_C(1) << *calls % 32;
}
#define ADD(m, list) add(m, list, sizeof list / sizeof list[0])

static void put(confine_calls *c, uint16_t code, uint8_t yes, uint8_t no, uint32_t k)
{
  struct sock_filter const f = {.code = code, .jt = yes, .jf = no, .k = k};

  c->code[c->n++] = f;
}

#define LOAD(c, field)    put(c, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, field))
#define RETURN(c, what)   put(c, BPF_RET | BPF_K, 0, 0, what)
#define EQUAL(c, x, y, n) put(c, BPF_JMP | BPF_JEQ | BPF_K, y, n, x)
#define ALLOW(c)          RETURN(c, SECCOMP_RET_ALLOW)
#define REFUSE(c)         RETURN(c, SECCOMP_RET_ERRNO | 1 /* EPERM */)

/* One call, whose argument must be among values. */
static void one_of(confine_calls *c, uint32_t call, unsigned int argument, uint32_t const *values,
                   unsigned int n)
{
  EQUAL(c, call, 0, (uint8_t)(n + 3));
  put(c, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)(offsetof(struct seccomp_data, args) + 8 * argument));
  for (unsigned int i = 0; i < n; i++) EQUAL(c, values[i], (uint8_t)(n - i), 0);
  REFUSE(c);
  ALLOW(c);
}

/* Memory may change, but never become executable. */
static void not_executable(confine_calls *c, uint32_t call)
{
  EQUAL(c, call, 0, 4);
  LOAD(c, args[2]);
  put(c, BPF_JMP | BPF_JSET | BPF_K, 0, 1, PROT_EXEC);
  REFUSE(c);
  ALLOW(c);
}

/*
 * The calls by a mask of 32 a word, which is shifted by the call's number. A test a call would be plainer, but the kernel
 * tries a filter out on all of its calls when a process enters it: 300 us a process more.
 */
static void by_mask(confine_calls *c, masks const m)
{
  put(c, BPF_ALU | BPF_AND | BPF_K, 0, 0, 31);
  put(c, BPF_MISC | BPF_TAX, 0, 0, 0);
  LOAD(c, nr);
  for (unsigned int i = 0; i < WORDS; i++)
  {
    put(c, BPF_JMP | BPF_JGE | BPF_K, 2, 0, (i + 1) * 32);
    put(c, BPF_LD | BPF_IMM, 0, 0, m[i]);
    put(c, BPF_JMP | BPF_JA, 0, 0, 3 * (WORDS - 1 - i) + 1);
  }
  REFUSE(c); /* a number above all masks */
  put(c, BPF_ALU | BPF_RSH | BPF_X, 0, 0, 0);
  put(c, BPF_JMP | BPF_JSET | BPF_K, 1, 0, 1);
  REFUSE(c);
  ALLOW(c);
}

/* One call, whose argument must not be this value. */
static void not_of(confine_calls *c, uint32_t call, unsigned int argument, uint32_t value)
{
  EQUAL(c, call, 0, 4);
  put(c, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)(offsetof(struct seccomp_data, args) + 8 * argument));
  EQUAL(c, value, 0, 1);
  REFUSE(c);
  ALLOW(c);
}

/* fcntl's commands, but for those by which a descriptor sends signals (F_SETOWN, F_SETSIG, F_SETOWN_EX, leases). */
static uint32_t const fcntls[] = {0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030 /* F_DUPFD_CLOEXEC */};

static void by_argument(confine_calls *c, unsigned int groups)
{
  static uint32_t const names[] = {PR_SET_NAME};
  static uint32_t const domains[] = {AF_UNIX, AF_NETLINK, AF_INET, AF_INET6};
  unsigned int from = groups & CONFINE_UNIX ? 0 : 2;
  unsigned int to = groups & CONFINE_INET ? 4 : groups & CONFINE_UNIX ? 2 : 0;

  not_executable(c, __NR_mmap);
  not_executable(c, __NR_mprotect);
  one_of(c, __NR_prctl, 0, names, 1);
  not_of(c, __NR_setsockopt, 2,
         SO_LINGER); /* by which a socket, sent to a daemon, would hold it up as it closes it */
  one_of(c, __NR_fcntl, 1, fcntls, sizeof fcntls / sizeof fcntls[0]);
  if (to > from) one_of(c, __NR_socket, 0, domains + from, to - from);
  if (groups & (CONFINE_UNIX | CONFINE_PAIR)) one_of(c, __NR_socketpair, 0, domains, 1);
}

void confine_calls_make(confine_calls *c, unsigned int groups)
{
  masks m = {0};

  ADD(m, base);
  if (groups & CONFINE_FILES) ADD(m, files);
  if (groups & CONFINE_ENTRIES) ADD(m, entries);
  if (groups & (CONFINE_UNIX | CONFINE_INET)) ADD(m, connects);
  if (groups & CONFINE_UNIX) ADD(m, binds); /* getifaddrs binds its netlink socket */
  if (groups & CONFINE_SERVE) ADD(m, serve);
  if (groups & (CONFINE_SERVE | CONFINE_ACCEPT)) ADD(m, accepts);
  c->n = 0;
  LOAD(c, arch);
  EQUAL(c, ARCH, 1, 0);
  RETURN(c, SECCOMP_RET_KILL_PROCESS);
  LOAD(c, nr);
  by_argument(c, groups);
  by_mask(c, (uint32_t const *)m);
}
#endif

int confine_calls_enter(confine_calls const *c)
{
  struct sock_fprog program = {.len = c->n, .filter = (struct sock_filter *)c->code};

  return c->n ? prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) : 0;
}

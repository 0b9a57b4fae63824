#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

#include <runlib/mapguard.h>

#define GUARDED 8

static struct
{
  char *p; /* 0: free */
  size_t n;
  void (*lost)(void *data);
  void *data;
} guarded[GUARDED];

static void on_fault(int sig, siginfo_t *info, void *context)
{
  char *at = info->si_addr;
  int e = errno;

  (void)context;
  for (unsigned int i = 0; i < GUARDED; i++)
  {
    if (!guarded[i].p || at < guarded[i].p || at >= guarded[i].p + guarded[i].n) continue;
    if (mmap(guarded[i].p, guarded[i].n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
             0) == MAP_FAILED)
      break;
    if (guarded[i].lost) (*guarded[i].lost)(guarded[i].data);
    errno = e;
    return;
  }
  signal(sig, SIG_DFL); /* not ours: it faults again, and ends the process */
}

void mapguard_add(void *p, size_t n, void (*lost)(void *data), void *data)
{
  struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
  unsigned int i = 0;

  while (i < GUARDED && guarded[i].p) i++;
  if (i == GUARDED) return;
  guarded[i].n = n;
  guarded[i].lost = lost;
  guarded[i].data = data;
  guarded[i].p = p;
  (void)sigaction(SIGBUS, &sa, 0);
}

void mapguard_drop(void *p)
{
  for (unsigned int i = 0; i < GUARDED; i++)
    if (guarded[i].p == p) guarded[i].p = 0;
}

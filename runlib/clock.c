#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <runlib/clock.h>

static uint64_t clock_read(clockid_t id)
{
  struct timespec t = {.tv_sec = 0};

  clock_gettime(id, &t);
  return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t clock_ms(void)
{
  return clock_read(CLOCK_MONOTONIC);
}

uint64_t clock_boot_ms(void)
{
  return clock_read(CLOCK_BOOTTIME);
}

int clock_await(int fd, short events, uint64_t deadline)
{
  struct pollfd x = {.fd = fd, .events = events};

  for (;;)
  {
    uint64_t now = clock_ms();
    uint64_t left = deadline > now ? deadline - now : 0;
    int r = poll(&x, 1, left > INT_MAX ? INT_MAX : (int)left);

    if (r > 0) return 0;
    if (r < 0 && errno != EINTR) return -1;
    if (!left) return (errno = ETIMEDOUT, -1);
  }
}

struct timespec clock_wall(void)
{
  struct timespec t = {.tv_sec = 0};

#if __SIZEOF_LONG__ == 8
  syscall(SYS_clock_gettime, CLOCK_REALTIME, &t);
#else
  clock_gettime(CLOCK_REALTIME, &t); /* whose number there depends on the size of time_t */
#endif
  return t;
}

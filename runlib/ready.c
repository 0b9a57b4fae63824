#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>

#include <runlib/ready.h>

int ready_notify(int fd)
{
  size_t n;

  if (fd <= 0) return 0;
  n = allwrite(fd, "\n", 1);
  fd_close(fd);
  return n == 1 ? 0 : -1;
}

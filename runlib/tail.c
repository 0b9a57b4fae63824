#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <runlib/tail.h>

int tail_read(stralloc *sa, int fd, size_t max, off_t *from)
{
  size_t base = sa->len;
  size_t cut = 0;
  struct stat st;
  off_t at;
  ssize_t n;

  if (fstat(fd, &st) < 0) return -1;
  if (!S_ISREG(st.st_mode)) return (errno = EINVAL, -1);
  if (st.st_size < (off_t)max) max = (size_t)st.st_size;
  at = st.st_size - (off_t)max;
  if (!stralloc_readyplus(sa, max + 1)) return -1;
  n = pread(fd, sa->s + base, max, at);
  if (n < 0) return -1;
  if (at)
  {
    char const *first = memchr(sa->s + base, '\n', (size_t)n);
    cut = first ? (size_t)(first - (sa->s + base)) + 1 : (size_t)n;
    memmove(sa->s + base, sa->s + base + cut, (size_t)n - cut);
  }
  sa->len = base + (size_t)n - cut;
  if (from) *from = at + (off_t)cut;
  return 0;
}

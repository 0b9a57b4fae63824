#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>

#include <ctl/command/archive.h>

/* What restore reads, whoever wrote it: no name that is taken leads out of the directory that it is unpacked in. */

extern int LLVMFuzzerTestOneInput(uint8_t const *bytes, size_t len);

static void must_stay(char const *name)
{
  if (!*name || *name == '/' || strchr(name, '\n') || strlen(name) >= PATH_MAX) abort();
  for (char const *s = name; (s = strstr(s, "..")); s += 2)
    if ((s == name || s[-1] == '/') && (!s[2] || s[2] == '/')) abort();
}

/* A header's sum is no secret: each block gets its own, so that what follows is read at all. */
static void put(int fd, uint8_t const *bytes, size_t len)
{
  for (size_t at = 0; at < len; at += 512)
  {
    char block[512];
    size_t n = len - at < 512 ? len - at : 512;
    unsigned int sum = 8 * ' ';
    memcpy(block, bytes + at, n);
    for (size_t i = 0; i < n; i++) sum += i < 148 || i > 155 ? (unsigned char)block[i] : 0;
    if (n == 512 && !memcmp(block + 257, "ustar", 5)) snprintf(block + 148, 8, "%06o", sum);
    if (allwrite(fd, block, n) < n) abort();
  }
}

int LLVMFuzzerTestOneInput(uint8_t const *bytes, size_t len)
{
  static int null = -1;
  archive a = ARCHIVE_ZERO;
  archive_member m;

  if (null < 0) null = open("/dev/null", O_WRONLY);
  a.fd = memfd_create("archive", MFD_CLOEXEC);
  if (a.fd < 0) abort();
  put(a.fd, bytes, len);
  if (lseek(a.fd, 0, SEEK_SET) < 0) abort();
  while (archive_next(&a, &m) > 0)
  {
    must_stay(m.name);
    if (m.type == ARCHIVE_NAME) must_stay(m.target);
    if (m.type == ARCHIVE_FILE && archive_get(&a, &m, null) < 0) break;
  }
  archive_close(&a);
  return 0;
}

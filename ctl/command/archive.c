#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/sha256.h>

#include <services/contract/service.h>

#include <ctl/command/archive.h>

#define BLOCK        512
#define HEAD         8192 /* bytes by which a file is seen to change */
#define TRIES        10
#define SIZE_LIMIT   0x1ffffffffull /* of a member: 8 GB, in eleven octal digits */
#define MANIFEST     "MANIFEST"
#define MANIFEST_MAX (256u << 20)
#define PAX_MAX      (2 * PATH_MAX + 64)

/* POSIX.1-2001, pax, "ustar Interchange Format". */
typedef struct ustar_s ustar;
struct ustar_s
{
  char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, target[100], magic[8], user[32],
      group[32], major[8], minor[8], prefix[155], rest[12];
};

/* --- the manifest ------------------------------------------------------------------------------------ */

static int archive_note(archive *a, archive_member const *m, char const *digest)
{
  if (m->type == ARCHIVE_DIRECTORY && service_append(&a->manifest, "-") < 0) return -1;
  if (m->type == ARCHIVE_NAME && service_append(&a->manifest, "=%s", m->target) < 0) return -1;
  for (unsigned int i = 0; m->type == ARCHIVE_FILE && i < 32; i++)
    if (service_append(&a->manifest, "%02x", (unsigned char)digest[i]) < 0) return -1;
  return service_append(&a->manifest, " %04o %s %llu %s\n", (unsigned int)m->mode, m->user,
                        (unsigned long long)m->size, m->name);
}

/* --- writing ----------------------------------------------------------------------------------------- */

static int archive_write(archive *a, void const *s, size_t n)
{
  return allwrite(a->fd, s, n) == n ? 0 : -1;
}

static int archive_pad(archive *a, uint64_t size)
{
  static char const zeros[BLOCK];
  size_t n = (size_t)(size % BLOCK);
  return n ? archive_write(a, zeros, BLOCK - n) : 0;
}

static void archive_sum(ustar *u)
{
  unsigned int sum = 0;

  memset(u->sum, ' ', sizeof u->sum);
  for (size_t i = 0; i < sizeof *u; i++) sum += ((unsigned char const *)u)[i];
  snprintf(u->sum, sizeof u->sum, "%06o", sum);
}

static int archive_header(archive *a, archive_member const *m, char type, uint64_t size)
{
  ustar u = {.type = type,
             .magic = "ustar\0"
                      "00"};

  if (size > SIZE_LIMIT) return (errno = EFBIG, -1);
  memcpy(u.name, m->name, strnlen(m->name, sizeof u.name));
  memcpy(u.target, m->target, strnlen(m->target, sizeof u.target));
  snprintf(u.mode, sizeof u.mode, "%07o", (unsigned int)m->mode & 07777);
  snprintf(u.uid, sizeof u.uid, "%07o", 0u);
  snprintf(u.gid, sizeof u.gid, "%07o", 0u);
  snprintf(u.size, sizeof u.size, "%011llo", (unsigned long long)size);
  snprintf(u.mtime, sizeof u.mtime, "%011llo",
           (unsigned long long)(m->mtime > 0 ? m->mtime : 0) & SIZE_LIMIT);
  snprintf(u.user, sizeof u.user, "%s", m->user);
  archive_sum(&u);
  return archive_write(a, &u, sizeof u);
}

/* `LENGTH key=value`, the length being that of the whole line. */
static size_t archive_pax(char *s, char const *field, char const *text)
{
  size_t n = strlen(field) + strlen(text) + 3, digits = 1;

  if (strlen(text) <= 100) return 0;
  while (digits < (size_t)snprintf(0, 0, "%zu", n + digits)) digits++;
  return (size_t)sprintf(s, "%zu %s=%s\n", n + digits, field, text);
}

static int archive_begin(archive *a, archive_member const *m)
{
  char pax[PAX_MAX];
  size_t n = archive_pax(pax, "path", m->name);

  n += archive_pax(pax + n, "linkpath", m->target);
  if (n && (archive_header(a, m, 'x', n) < 0 || archive_write(a, pax, n) < 0 || archive_pad(a, n) < 0))
    return -1;
  return archive_header(a, m, (char)m->type, m->size);
}

int archive_put(archive *a, archive_member const *m)
{
  return archive_begin(a, m) < 0 ? -1 : archive_note(a, m, 0);
}

int archive_put_bytes(archive *a, archive_member const *m, char const *s)
{
  SHA256Schedule h = SHA256_INIT();
  char digest[32];

  sha256_update(&h, s, m->size);
  sha256_final(&h, digest);
  return archive_begin(a, m) < 0 || archive_write(a, s, m->size) < 0 || archive_pad(a, m->size) < 0
             ? -1
             : archive_note(a, m, digest);
}

/* A file that became shorter is filled up with zeros. */
static int archive_copy(archive *a, uint64_t size, int from, char digest[32])
{
  static char buf[65536];
  SHA256Schedule h = SHA256_INIT();

  for (uint64_t at = 0, n; at < size; at += n)
  {
    ssize_t r = pread(from, buf, size - at < sizeof buf ? (size_t)(size - at) : sizeof buf, (off_t)at);
    if (r < 0) return -1;
    if (!r)
    {
      r = size - at < BLOCK ? (ssize_t)(size - at) : BLOCK;
      memset(buf, 0, (size_t)r);
    }
    n = (uint64_t)r;
    sha256_update(&h, buf, (size_t)n);
    if (archive_write(a, buf, (size_t)n) < 0) return -1;
  }
  sha256_final(&h, digest);
  return archive_pad(a, size);
}

int archive_put_file(archive *a, archive_member const *m, int from)
{
  static char before[HEAD], after[HEAD];
  char digest[32];
  off_t begun;
  int changed = 1;

  if (archive_begin(a, m) < 0 || (begun = lseek(a->fd, 0, SEEK_CUR)) < 0) return -1;
  for (unsigned int i = 0; i < TRIES && changed; i++)
  {
    ssize_t n = pread(from, before, HEAD, 0);
    if (n < 0 || lseek(a->fd, begun, SEEK_SET) < 0 || archive_copy(a, m->size, from, digest) < 0) return -1;
    changed = pread(from, after, HEAD, 0) != n || memcmp(before, after, (size_t)n);
  }
  return archive_note(a, m, digest) < 0 ? -1 : changed;
}

int archive_end(archive *a)
{
  static char const zeros[2 * BLOCK];
  archive_member m = {.type = ARCHIVE_FILE,
                      .mode = 0600,
                      .mtime = 0,
                      .size = a->manifest.len,
                      .user = "root",
                      .name = MANIFEST};

  if (archive_begin(a, &m) < 0 || archive_write(a, a->manifest.s, a->manifest.len) < 0 ||
      archive_pad(a, m.size) < 0)
    return -1;
  return archive_write(a, zeros, sizeof zeros) < 0 ? -1 : fsync(a->fd);
}

/* --- reading ----------------------------------------------------------------------------------------- */

static int archive_read(archive *a, void *s, size_t n)
{
  return allread(a->fd, s, n) == n ? 0 : (errno = EPROTO, -1);
}

static int archive_skip_pad(archive *a, uint64_t size)
{
  char rest[BLOCK];
  size_t n = (size_t)(size % BLOCK);
  return n ? archive_read(a, rest, BLOCK - n) : 0;
}

/* An octal number that ends with a NUL or a blank. */
static uint64_t archive_number(char const *s, size_t n)
{
  uint64_t x = 0;
  for (; n && *s >= '0' && *s <= '7'; n--, s++) x = x << 3 | (unsigned int)(*s - '0');
  return x;
}

static int archive_is_header(ustar *u)
{
  char sum[8];

  memcpy(sum, u->sum, sizeof sum);
  archive_sum(u);
  return !memcmp(u->magic,
                 "ustar\0"
                 "00",
                 8) &&
         archive_number(sum, 8) == archive_number(u->sum, 8);
}

/* No name leads out of the directory that it is unpacked in. */
static int archive_name_ok(char const *s)
{
  if (!*s || *s == '/') return 0;
  for (char const *word = s; *word; word += strcspn(word, "/"), word += *word == '/')
  {
    size_t n = strcspn(word, "/");
    if (!n || (n == 1 && *word == '.') || (n == 2 && !memcmp(word, "..", 2))) return 0;
  }
  return !s[strcspn(s, "\n")];
}

static int archive_read_pax(archive *a, uint64_t size, archive_member *m)
{
  char pax[PAX_MAX + 1];

  if (size > PAX_MAX || archive_read(a, pax, size) < 0 || archive_skip_pad(a, size) < 0)
    return (errno = EPROTO, -1);
  pax[size] = 0;
  for (char *s = pax, *end; *s; s = end + 1)
  {
    char *text = strchr(s, '=');
    end = strchr(s, '\n');
    if (!end || !text || text > end) return (errno = EPROTO, -1);
    *end = 0;
    if (strlen(++text) >= PATH_MAX) return (errno = ENAMETOOLONG, -1);
    if (!strncmp(s + strcspn(s, " "), " path=", 6)) strcpy(m->name, text);
    if (!strncmp(s + strcspn(s, " "), " linkpath=", 10)) strcpy(m->target, text);
  }
  return 0;
}

/* The manifest must say just what was read. */
static int archive_check_manifest(archive *a, uint64_t size)
{
  char *s;
  int result;

  if (size != a->manifest.len || size > MANIFEST_MAX || !(s = malloc(size + 1))) return (errno = EPROTO, -1);
  result = archive_read(a, s, size) < 0 || memcmp(s, a->manifest.s, size) ? (errno = EPROTO, -1) : 0;
  free(s);
  return result;
}

static void archive_name(char *to, char const *from, size_t max)
{
  if (*to) return;
  memcpy(to, from, strnlen(from, max));
  to[strnlen(from, max)] = 0;
}

int archive_next(archive *a, archive_member *m)
{
  ustar u;

  *m = (archive_member){.type = ARCHIVE_FILE};
  if (archive_read(a, &u, sizeof u) < 0 || !archive_is_header(&u)) return (errno = EPROTO, -1);
  if (u.type == 'x' && (archive_read_pax(a, archive_number(u.size, 12), m) < 0 ||
                        archive_read(a, &u, sizeof u) < 0 || !archive_is_header(&u)))
    return (errno = EPROTO, -1);
  archive_name(m->name, u.name, sizeof u.name);
  archive_name(m->target, u.target, sizeof u.target);
  archive_name(m->user, u.user, sizeof u.user - 1);
  m->type = (archive_type)u.type;
  m->mode = (mode_t)archive_number(u.mode, 8) & 07777;
  m->mtime = (time_t)archive_number(u.mtime, 12);
  m->size = archive_number(u.size, 12);
  if (m->type == ARCHIVE_FILE && !strcmp(m->name, MANIFEST)) return archive_check_manifest(a, m->size);
  if (!archive_name_ok(m->name) || !m->user[0] || (m->type != ARCHIVE_FILE && m->size) ||
      (m->type == ARCHIVE_NAME && !archive_name_ok(m->target)) ||
      (m->type != ARCHIVE_FILE && m->type != ARCHIVE_NAME && m->type != ARCHIVE_DIRECTORY))
    return (errno = EPROTO, -1);
  return m->type != ARCHIVE_FILE && archive_note(a, m, 0) < 0 ? -1 : 1;
}

int archive_get(archive *a, archive_member const *m, int to)
{
  static char buf[65536];
  SHA256Schedule h = SHA256_INIT();
  char digest[32];

  for (uint64_t at = 0, n; at < m->size; at += n)
  {
    n = m->size - at < sizeof buf ? m->size - at : sizeof buf;
    if (archive_read(a, buf, (size_t)n) < 0 || allwrite(to, buf, (size_t)n) < (size_t)n) return -1;
    sha256_update(&h, buf, (size_t)n);
  }
  sha256_final(&h, digest);
  return archive_skip_pad(a, m->size) < 0 ? -1 : archive_note(a, m, digest);
}

void archive_close(archive *a)
{
  if (a->fd >= 0) fd_close(a->fd);
  stralloc_free(&a->manifest);
}

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/djbunix.h>
#include <skalibs/sha256.h>

#include <ctl/machine/software.h>

/* `HASH IDENTITY PATH` of the line at s, which ends at end; 0: it is none of a program. */
typedef struct line_s line;
struct line_s
{
  char const *hash, *identity, *path, *end;
};

static int software_line(line *l, char const *s, char const *end)
{
  if (end - s < 8 || memcmp(s, "program ", 8)) return 0;
  l->hash = s + 8;
  l->identity = memchr(l->hash, ' ', (size_t)(end - l->hash));
  l->path = l->identity ? memchr(l->identity + 1, ' ', (size_t)(end - l->identity - 1)) : 0;
  if (!l->path) return 0;
  l->identity++;
  l->path++;
  l->end = end;
  return 1;
}

/* The line of the program whose path is `len` bytes. */
static int software_find(line *l, stralloc const *sa, char const *path, size_t len)
{
  char const *end;

  for (char const *s = sa->s;
       sa->len && s < sa->s + sa->len && (end = memchr(s, '\n', (size_t)(sa->s + sa->len - s))); s = end + 1)
    if (software_line(l, s, end) && (size_t)(l->end - l->path) == len && !memcmp(l->path, path, len))
      return 1;
  return 0;
}

static void software_hash(char hash[PLAN_HASH + 1], char const *path)
{
  SHA256Schedule ctx = SHA256_INIT();
  char buffer[65536], digest[32];
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : 1;

  while (n > 0 && (n = read(fd, buffer, sizeof buffer)) > 0) sha256_update(&ctx, buffer, (size_t)n);
  if (fd >= 0) fd_close(fd);
  sha256_final(&ctx, digest);
  plan_hex(hash, digest);
  if (n < 0) memcpy(hash, "-", 2);
}

static int software_add(stralloc *sa, char const *path, stralloc const *before)
{
  char hash[PLAN_HASH + 1];
  char identity[80];
  struct stat st = {.st_ino = 0};
  line l;

  if (software_find(&l, sa, path, strlen(path))) return 0;
  (void)stat(path, &st);
  snprintf(identity, sizeof identity, "%llu:%lld:%lld.%09ld", (unsigned long long)st.st_ino,
           (long long)st.st_size, (long long)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
  if (software_find(&l, before, path, strlen(path)) && l.identity - l.hash == PLAN_HASH + 1 &&
      (size_t)(l.path - l.identity) == strlen(identity) + 1 &&
      !memcmp(l.identity, identity, strlen(identity)))
    memcpy(hash, l.hash, PLAN_HASH), hash[PLAN_HASH] = 0;
  else
    software_hash(hash, path);
  return service_append(sa, "program %s %s %s\n", hash, identity, path);
}

int software_describe(stralloc *sa, plan const *p, stralloc const *before)
{
  planned const *ps = plan_services(p);

  for (size_t n = plan_count(p); n; n--, ps++)
  {
    char **program = genalloc_s(char *, &ps->sv.programs);
    for (size_t m = genalloc_len(char *, &ps->sv.programs); m; m--)
      if (software_add(sa, *program++, before) < 0) return -1;
  }
  return 0;
}

char const *software_differs(stralloc const *one, stralloc const *other, size_t *at, size_t *len)
{
  while (*at < one->len)
  {
    char const *s = one->s + *at;
    char const *end = memchr(s, '\n', one->len - *at);
    line l, m;
    if (!end) break;
    *at += (size_t)(end - s) + 1;
    if (!software_line(&l, s, end) || !software_find(&m, other, l.path, (size_t)(l.end - l.path))) continue;
    if (l.identity - l.hash == m.identity - m.hash && !memcmp(l.hash, m.hash, (size_t)(l.identity - l.hash)))
      continue;
    *len = (size_t)(l.end - l.path);
    return l.path;
  }
  return 0;
}

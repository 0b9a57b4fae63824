#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/strerr.h>
#include <skalibs/types.h>

#include <runlib/block.h>
#include <runlib/samefile.h>
#include <runlib/tcp/blocks.h>

typedef struct reading_s reading;
struct reading_s
{
  blocks *to;
  char const *file;
};

static void blocks_line(void *data, block const *one, unsigned int line)
{
  reading const *r = data;
  char fmt[UINT_FMT];

  if (one && nets_add(one->pass ? &r->to->pass : &r->to->block, &one->net) == 0) return;
  fmt[uint_fmt(fmt, line)] = 0;
  strerr_warnw(r->file, ":", fmt, one ? ": out of memory" : ": not NETWORK block|pass UNTIL REASON",
               ": the line is passed over");
}

/* Whether some file is another than it was; how they are now is kept. */
static int blocks_changed(blocks *b)
{
  int changed = 0;

  for (unsigned int i = 0; i < b->n; i++)
  {
    struct stat st, *was = b->seen + i;
    if (stat(b->files[i], &st) < 0) memset(&st, 0, sizeof st);
    if (samefile(&st, was)) continue;
    *was = st;
    changed = 1;
  }
  return changed;
}

static void blocks_refresh(blocks *b)
{
  if (!blocks_changed(b)) return;
  nets_free(&b->block);
  nets_free(&b->pass);
  for (unsigned int i = 0; i < b->n; i++)
  {
    reading r = {.to = b, .file = b->files[i]};
    if (block_read(b->files[i], &blocks_line, &r) < 0) strerr_warnwusys("read ", b->files[i]);
  }
  nets_sort(&b->block);
  nets_sort(&b->pass);
}

/* 1: the file denies; 0: it does not; -1: there is none. */
static int ipsvd_file(blocks const *b, char const *name, uint64_t now)
{
  char path[PATH_MAX];
  struct stat st;
  int n = snprintf(path, sizeof path, "%s/%s", b->ipsvd, name);

  if (n < 0 || (size_t)n >= sizeof path || lstat(path, &st) < 0) return -1;
  if (b->ipsvd_ttl && st.st_mode & S_IWUSR && (uint64_t)st.st_atime + b->ipsvd_ttl < now)
  {
    unlink(path);
    return -1;
  }
  return !(st.st_mode & (S_IRUSR | S_IXUSR));
}

static int ipsvd_denies(blocks const *b, endpoint const *e, uint64_t now)
{
  char name[ENDPOINT_FMT];
  int r;

  endpoint_fmt_ip(name, e);
  for (char *dot = name; dot; dot = e->family == 4 ? strrchr(name, '.') : 0)
  {
    if (dot != name) *dot = 0;
    r = ipsvd_file(b, name, now);
    if (r >= 0) return r;
  }
  return ipsvd_file(b, "0", now) > 0;
}

int blocks_have(blocks *b, endpoint const *e, uint64_t now)
{
  unsigned char ip[16];

  endpoint_wide(ip, e);
  blocks_refresh(b);
  if (nets_find(&b->pass, ip, now)) return 0;
  return nets_find(&b->block, ip, now) || (b->ipsvd && ipsvd_denies(b, e, now));
}

#include <runlib/maildirsize.h>

#include <services/spool/quota.h>
#include <services/spool/scan.h>

#define QUOTA_AGE 900 /* seconds after which who is over the limit is counted again: as Maildir++ has it */

static int full(maildirsize const *z, uint64_t bytes)
{
  return z->limit && z->bytes + bytes > z->limit;
}

int quota_fits(int maildir, uint64_t bytes, uint64_t fallback)
{
  maildirsize z;
  int known = maildirsize_read(maildir, &z);

  if (known < 0) return -1;
  if (!known) z.limit = fallback;
  if (!z.limit) return 1;
  if (!known || z.old || (full(&z, bytes) && (int64_t)(scan_now() / 1000000) - z.written > QUOTA_AGE))
  {
    if (maildirsize_count(maildir, &z) < 0 || maildirsize_write(maildir, &z) < 0) return -1;
  }
  return !full(&z, bytes);
}

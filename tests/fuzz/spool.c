#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <runlib/envelope.h>
#include <runlib/mapping.h>
#include <runlib/spoolname.h>

#include <services/spool/message.h>

/*
 * The first byte chooses: a file in todo/ as spool-deliver opens it, or an alias file, a list of domains and
 * addresses, all between NULs, as they are looked up.
 */

extern int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size);

static void need(int truth)
{
  if (!truth) abort();
}

static int exists(void *data, char const *name)
{
  (void)data;
  need(*name && *name != '.' && strlen(name) <= MAPPING_NAME_MAX);
  for (char const *s = name; *s; s++) need((unsigned char)*s > ' ' && *s != '/');
  return strlen(name) % 3 != 0;
}

static char const *part(char const **s, size_t *n, size_t *len)
{
  char const *begin = *s;
  char const *end = memchr(begin, 0, *n);

  *len = end ? (size_t)(end - begin) : *n;
  *s += *len + (end ? 1 : 0);
  *n -= *len + (end ? 1 : 0);
  return begin;
}

static void map(char const *s, size_t n)
{
  mapping m = MAPPING_ZERO;
  stralloc directories = STRALLOC_ZERO, why = STRALLOC_ZERO;
  char const *wrong, *p;
  unsigned int line;
  size_t len;

  p = part(&s, &n, &len);
  need(!mapping_add_domains(&m, p, len));
  p = part(&s, &n, &len);
  if (!mapping_set_aliases(&m, p, len, &line, &wrong))
    while (n)
    {
      int r;
      p = part(&s, &n, &len);
      r = mapping_find(&m, p, len, &exists, 0, &directories, &why);
      need(r >= 0 && (unsigned int)r <= MAPPING_FOLDERS);
      if (!r) need(why.len && !memchr(why.s, '\n', why.len) && !memchr(why.s, 0, why.len));
      for (size_t i = 0; r; r--, i += strlen(directories.s + i) + 1)
        need(i < directories.len && directories.s[i]);
    }
  else
    need(errno == EPROTO && wrong && line);
  mapping_free(&m);
  stralloc_free(&directories);
  stralloc_free(&why);
}

static void walk(message const *m)
{
  history h = HISTORY_ZERO;
  size_t pos = 0;
  recipient r;

  need(!message_history(m, &h));
  need(strlen(envelope_sender(m->envelope.s)) <= ENVELOPE_ADDRESS_MAX);
  while (envelope_next(m->envelope.s, m->envelope.len, &pos, &r))
  {
    need(r.mark < m->envelope.len && r.len <= ENVELOPE_ADDRESS_MAX && pos < m->envelope.len);
    need(strchr("TSDOB", m->envelope.s[r.mark]) && m->envelope.s[r.mark]);
    need(spool_history_has(&h, r.address) >= 0);
  }
  need(pos == m->envelope.len - 1);
  spool_history_free(&h);
}

/* The file is the input, and then the input with a trailer that fits, so that the envelope is reached. */
static void open_file(int fd, char const *s, size_t n, int with_trailer)
{
  message m = MESSAGE_ZERO;
  char trailer[ENVELOPE_TRAILER];

  need(!ftruncate(fd, 0) && pwrite(fd, s, n, 0) == (ssize_t)n);
  envelope_trailer_fmt(trailer, n / 2);
  if (with_trailer) need(pwrite(fd, trailer, sizeof trailer, (off_t)n) == sizeof trailer);
  if (!message_open_fd(&m, dup(fd)))
  {
    walk(&m);
    message_close(&m);
  }
  else
    need(errno == EPROTO);
}

int LLVMFuzzerTestOneInput(uint8_t const *data, size_t size)
{
  static int fd = -1;
  char const *s = (char const *)data;

  if (fd < 0) fd = memfd_create("message", 0);
  if (!size || size > 65536) return 0;
  switch (*data % 3)
  {
    case 0: map(s + 1, size - 1); break;
    case 1: open_file(fd, s + 1, size - 1, 0); break;
    case 2: open_file(fd, s + 1, size - 1, 1); break;
  }
  return 0;
}

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/types.h>

#include <services/spool/message.h>
#include <services/spool/notes.h>

int note_text(stralloc *sa, char const *text)
{
  size_t was = sa->len;

  if (printable(sa, text) < 0) return -1;
  for (size_t i = 0; text[i]; i++)
    if (text[i] == '\n') sa->s[was + i] = ' ';
  while (sa->len > was && sa->s[sa->len - 1] == ' ') sa->len--;
  return 0;
}

int note_add(stralloc *sa, uint64_t seconds, char letter, char const *address, char const *text)
{
  char fmt[UINT64_FMT];

  if (!stralloc_catb(sa, fmt, uint64_fmt(fmt, seconds)) || !stralloc_cats(sa, " ") ||
      !stralloc_catb(sa, &letter, 1) || !stralloc_cats(sa, " <") || printable(sa, address) < 0 ||
      !stralloc_cats(sa, "> "))
    return -1;
  return note_text(sa, text) == 0 && stralloc_cats(sa, "\n") ? 0 : -1;
}

int notes_write(int notes, char const *name, stralloc const *sa, int sync)
{
  int fd = openat(notes, name, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
  int result = fd >= 0 && allwrite(fd, sa->s, sa->len) == sa->len && (!sync || fdatasync(fd) == 0) ? 0 : -1;

  if (fd >= 0) fd_close(fd);
  return result;
}

int notes_read(int notes, char const *name, stralloc *sa)
{
  int fd = openat(notes, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  int done;

  sa->len = 0;
  if (fd < 0) return errno == ENOENT && stralloc_0(sa) ? 0 : -1;
  done = slurp(sa, fd) && stralloc_0(sa);
  fd_close(fd);
  return done ? 0 : -1;
}

size_t note_find(char const *notes, char letter, char const *address, char const **text)
{
  stralloc key = STRALLOC_ZERO;
  size_t len = 0;

  if (stralloc_cats(&key, " ") && stralloc_catb(&key, &letter, 1) && stralloc_cats(&key, " <") &&
      !printable(&key, address) && stralloc_cats(&key, "> ") && stralloc_0(&key))
    for (char const *s = notes; *s; s += strcspn(s, "\n"), s += *s == '\n')
    {
      char const *rest = s + strspn(s, "0123456789");
      if (strncmp(rest, key.s, key.len - 1)) continue;
      *text = rest + key.len - 1;
      len = strcspn(*text, "\n");
    }
  stralloc_free(&key);
  return len;
}

void note_each(char const *notes, char letter, void (*f)(void *data, char const *address), void *data)
{
  for (char const *s = notes; *s; s += strcspn(s, "\n"), s += *s == '\n')
  {
    char const *rest = s + strspn(s, "0123456789"), *end;
    char const head[] = {' ', letter, ' ', '<'};
    stralloc sa = STRALLOC_ZERO;
    if (strncmp(rest, head, sizeof head)) continue;
    rest += sizeof head;
    end = memmem(rest, strcspn(rest, "\n"), "> ", 2);
    if (end && stralloc_catb(&sa, rest, (size_t)(end - rest)) && stralloc_0(&sa)) f(data, sa.s);
    stralloc_free(&sa);
  }
}

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>

#include <runlib/run.h>

#include "check.h"

#define CHECK_MS 10000

/* `2.3.19.1 (9b53102964)`; -1 where it does not say. */
static int imap_version(section const *s, stralloc *said, report *r)
{
  char const *program = section_text(s, "program");
  char const *const argv[] = {program, "--version", 0};

  if (run_wait(argv, 0, 0, said, CHECK_MS) == 0 && said->len > 3) return 0;
  report_error(r, s, "program", "%s: %s (apt-get install dovecot-imapd)", program,
               errno == ENOENT ? "there is no such program" : "it does not tell its version");
  return -1;
}

/* Every line that doveconf complains in. */
static void imap_complain(section const *s, stralloc *said, report *r)
{
  if (!stralloc_0(said)) return;
  for (char *line = said->s, *end; (end = strchr(line, '\n')); line = end + 1)
  {
    char const *text = line;
    *end = 0;
    if (!strncmp(text, "doveconf: ", 10)) text += 10;
    if (strstr(text, "Fatal: ") || strstr(text, "Error: ")) report_error(r, s, 0, "Dovecot says: %s", text);
  }
}

void imap_check_conf(section const *s, char const *name, char const *bytes, size_t len, report *r)
{
  stralloc said = STRALLOC_ZERO;
  char path[64];
  int fd = -1;

  if (imap_version(s, &said, r) < 0) goto end;
  if (strncmp(said.s, "2.3", 3) && strncmp(said.s, "2.4", 3))
  {
    report_error(r, s, "program", "Dovecot %.*s: 2.3 and 2.4 are known", (int)strcspn(said.s, " \n"), said.s);
    goto end;
  }
  if (strncmp(said.s, name, 3)) goto end;
  said.len = 0;
  fd = memfd_create("dovecot.conf", MFD_CLOEXEC);
  if (fd < 0 || allwrite(fd, bytes, len) < len) goto end;
  snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)getpid(), fd);
  char const *const argv[] = {"doveconf", "-n", "-c", path, 0};
  if (run_wait(argv, 0, 0, &said, CHECK_MS)) imap_complain(s, &said, r);
end:
  if (fd >= 0) fd_close(fd);
  stralloc_free(&said);
}

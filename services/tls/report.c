#include <errno.h>
#include <string.h>

#include <skalibs/stralloc.h>

#include <runlib/run.h>

#include "report-internal.h"

/* mailctl links no TLS library: the daemon itself looks at the certificates. */

#define CHECK_MS 10000

/* The key that a message is about: its first word, or the certificates. */
static char const *key_of(char const *text)
{
  return !strncmp(text, "ciphers ", 8) ? "ciphers" : !strncmp(text, "groups ", 7) ? "groups" : "certificate";
}

static void add_line(section const *s, char const *line, report *r)
{
  static char const error[] = "error: ";
  static char const warning[] = "warning: ";
  static char const name[] = "name ";

  if (!strncmp(line, error, sizeof error - 1))
    report_error(r, s, key_of(line + sizeof error - 1), "%s", line + sizeof error - 1);
  else if (!strncmp(line, warning, sizeof warning - 1))
    report_warning(r, s, "certificate", "%s", line + sizeof warning - 1);
  else if (!strncmp(line, name, sizeof name - 1))
    report_note(r, s, line + sizeof name - 1);
}

void check_report(section const *s, char const *program, char const *config, size_t n, report *r)
{
  char const *const argv[] = {program, "--check", "-", 0};
  stralloc said = STRALLOC_ZERO;
  int status = run_wait(argv, config, n, &said, CHECK_MS);

  if (status > 1) errno = EPROTO;
  if (status < 0 || status > 1 || !stralloc_0(&said))
    report_error(r, s, 0, "unable to check the certificates with %s: %s", program, strerror(errno));
  else
    for (char *line = said.s, *end; (end = strchr(line, '\n')); line = end + 1)
    {
      *end = 0;
      add_line(s, line, r);
    }
  stralloc_free(&said);
}

#include <string.h>

#include <skalibs/types.h>

#include "milter.h"

#define CONNECT 5000u
#define COMMAND 10000u
#define END     60000u
#define MOST    600000u

static int scan_size(char const *s, size_t n, uint64_t *size)
{
  static char const units[] = "KMG";
  size_t len = n && n < UINT64_FMT ? uint64_scan(s, size) : 0;
  char const *unit = len && len + 1 == n ? strchr(units, s[len]) : 0;

  if (!len || !*size || (!unit && len != n) || *size > (UINT64_MAX >> 30)) return 0;
  if (unit) *size <<= 10 * (unit - units + 1);
  return 1;
}

static int scan_choice(char const *s, size_t n, char const *const *names)
{
  int i = 0;

  while (names[i] && !server_is(s, n, names[i])) i++;
  return names[i] ? i : -1;
}

/* One option and its value. Returns 0, or what is wrong. */
static char const *scan_option(milter_server *m, char const *name, size_t len, char const *s, size_t n)
{
  static char const *const fails[] = {"open", "tempfail", "reject", 0}, *const own[] = {"no", "yes", 0},
                           *const levels[] = {"0", "1", "2", 0};
  unsigned int *time = server_is(name, len, "connect")   ? &m->connect
                       : server_is(name, len, "command") ? &m->command
                       : server_is(name, len, "end")     ? &m->end
                                                         : 0;
  int i;

  if (time) return server_time(s, n, MOST, time) ? 0 : "a time is 10s, 500ms or 5m, at most 10m";
  if (server_is(name, len, "size"))
    return scan_size(s, n, &m->size) ? 0 : "size needs bytes, such as 500K or 20M";
  if (server_is(name, len, "fails"))
  {
    if ((i = scan_choice(s, n, fails)) < 0) return "fails needs open, tempfail or reject";
    m->fails = (milter_fails)i;
  }
  else if (server_is(name, len, "own"))
  {
    if ((i = scan_choice(s, n, own)) < 0) return "own needs yes or no";
    m->own = i;
  }
  else if (server_is(name, len, "until-level"))
  {
    if ((i = scan_choice(s, n, levels)) < 1) return "until-level needs 1 or 2";
    m->below = (unsigned int)i;
  }
  else
    return "behind the address stand connect TIME, command TIME, end TIME, fails open|tempfail|reject, size "
           "BYTES, own yes|no, until-level 1|2";
  return 0;
}

char const *milter_scan(char const *text, milter_server *m)
{
  static milter_server const fresh = {
      .connect = CONNECT, .command = COMMAND, .end = END, .fails = MILTER_TEMPFAIL, .own = 1};
  char const *name, *word, *wrong;
  size_t len = server_word(&text, &name);

  *m = fresh;
  wrong = server_address(name, len, m->address);
  while (!wrong && (len = server_word(&text, &name)))
  {
    size_t n = server_word(&text, &word);
    wrong = scan_option(m, name, len, word, n);
  }
  return wrong;
}

#include <string.h>
#include <strings.h>

#include "senders.h"

static char const blanks[] = " \t\r,";

/* Whether one of the words of s, up to a comment, is the address or its domain. */
static int has_word(char const *s, char const *address)
{
  char const *at = strrchr(address, '@');
  size_t len = strcspn(s, "#");

  for (size_t i = 0, n; i < len; i += n)
  {
    i += strspn(s + i, blanks);
    n = strcspn(s + i, " \t\r,#");
    if (n && n == strlen(address) && !strncasecmp(s + i, address, n)) return 1;
    if (n && at && n == strlen(at) && !strncasecmp(s + i, at, n)) return 1;
  }
  return 0;
}

/* What follows `name:`; 0: the line is not of that name. */
static char const *behind_name(char const *line, char const *name)
{
  size_t n = strlen(name);
  char const *colon = line + n;

  if (strncasecmp(line, name, n)) return 0;
  colon += strspn(colon, " \t");
  return *colon == ':' ? colon + 1 : 0;
}

int senders_allow(stralloc const *lines, char const *user, char const *address)
{
  int ours = 0;

  if (!strcasecmp(user, address)) return 1;
  for (size_t i = 0; i < lines->len; i += strlen(lines->s + i) + 1)
  {
    char const *line = lines->s + i, *words = line;
    int more = *line == ' ' || *line == '\t';
    if (!more) words = behind_name(line, user);
    if (!more) ours = words != 0;
    if (ours && has_word(words, address)) return 1;
  }
  return 0;
}

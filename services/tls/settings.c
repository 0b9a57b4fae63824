#include <string.h>

#include <skalibs/types.h>

#include "settings-internal.h"

static char const *add_certificate(settings *st, char *text)
{
  if (st->nfiles == CERTIFICATES_MAX) return "too many certificates (32 at most)";
  st->files[st->nfiles++] = (certificate_files){.certificate = text, .key = text};
  return 0;
}

static char const *add_key(settings *st, char *text)
{
  certificate_files *f = st->files + st->nfiles - 1;

  if (!st->nfiles) return "a key before its certificate";
  if (f->key != f->certificate) return "a second key for one certificate";
  f->key = text;
  return 0;
}

static char const *set_protocol(settings *st, char const *text)
{
  if (strlen(text) != 3 || memcmp(text, "1.", 2) || text[2] < '0' || text[2] > '3')
    return "not 1.0, 1.1, 1.2 or 1.3";
  st->minor = (unsigned int)(text[2] - '0');
  return 0;
}

static unsigned int *number(settings *st, char const *key)
{
  struct
  {
    char const *key;
    unsigned int *number;
  } const numbers[] = {{"handshake", &st->handshake},   {"idle", &st->idle},
                       {"drain", &st->drain},           {"workers", &st->workers},
                       {"per-client", &st->per_client}, {"spare", &st->spare}};

  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
    if (!strcmp(numbers[i].key, key)) return numbers[i].number;
  return 0;
}

static char const *scan_line(settings *st, char *line)
{
  char *text = strchr(line, ' ');
  unsigned int *n;

  if (!text || !text[1]) return "a line is KEY VALUE";
  *text++ = 0;
  if (!strcmp(line, "certificate")) return add_certificate(st, text);
  if (!strcmp(line, "key")) return add_key(st, text);
  if (!strcmp(line, "protocol")) return set_protocol(st, text);
  if (!strcmp(line, "ciphers")) return (st->ciphers = text, (char const *)0);
  if (!strcmp(line, "groups")) return (st->groups = text, (char const *)0);
  n = number(st, line);
  if (!n) return "unknown key";
  return uint0_scan(text, n) ? 0 : "not a number";
}

static char const *in_range(settings const *st)
{
  if (!st->nfiles) return "no certificate";
  if (!st->workers || st->workers > 10000) return "workers is not between 1 and 10000";
  if (!st->spare) return "spare is 0";
  if (!st->per_client) return "per-client is 0";
  if (!st->handshake || !st->idle) return "handshake or idle is 0";
  return 0;
}

char const *settings_scan(settings *st, char *text, unsigned int *line)
{
  memset(st, 0, sizeof *st);
  st->minor = 2;
  st->handshake = 30000;
  st->idle = 600000;
  st->drain = 60000;
  st->workers = 1000;
  st->per_client = 50;
  st->spare = 4;
  for (*line = 1; *text; (*line)++)
  {
    char *end = strchr(text, '\n');
    if (end) *end = 0;
    char const *wrong = *text && *text != '#' ? scan_line(st, text) : 0;
    if (wrong) return wrong;
    if (!end) break;
    text = end + 1;
  }
  *line = 0;
  return in_range(st);
}

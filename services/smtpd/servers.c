#include <string.h>

#include <skalibs/types.h>

#include <runlib/address.h>

#include "servers.h"

size_t server_word(char const **text, char const **word)
{
  size_t n;

  *word = *text + strspn(*text, " \t");
  n = strcspn(*word, " \t");
  *text = *word + n;
  return n;
}

int server_is(char const *word, size_t n, char const *what)
{
  return strlen(what) == n && !memcmp(word, what, n);
}

char const *server_address(char const *word, size_t n, char to[SERVER_ADDRESS])
{
  address a;

  if (!n) return "needs an address, unix:/PATH or inet:ADDRESS:PORT";
  if (n >= SERVER_ADDRESS) return "the address is too long";
  memcpy(to, word, n);
  to[n] = 0;
  if (!strncmp(to, "unix:/", 6)) return 0;
  if (strncmp(to, "inet:", 5)) return "needs an address, unix:/PATH or inet:ADDRESS:PORT";
  return address_scan(to + 5, &a) || !a.family || !a.port
             ? "not an address and a port (write inet:127.0.0.1:10023)"
             : 0;
}

int server_time(char const *word, size_t n, unsigned int most, unsigned int *ms)
{
  static struct
  {
    char const *name;
    unsigned int ms;
  } const units[] = {{"", 1000}, {"s", 1000}, {"ms", 1}, {"m", 60000}};
  unsigned int u;
  size_t len = n && n < UINT_FMT ? uint_scan(word, &u) : 0;

  for (unsigned int i = 0; len && i < sizeof units / sizeof *units; i++)
    if (server_is(word + len, n - len, units[i].name))
    {
      if (!u || u > most / units[i].ms) return 0;
      *ms = u * units[i].ms;
      return 1;
    }
  return 0;
}

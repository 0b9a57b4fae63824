#include <string.h>

#include "request.h"

size_t request_length(char const *s, size_t len)
{
  char const *end = len && *s == '\n' ? s - 1 : memmem(s, len, "\n\n", 2);

  if (!end && len > 3 && (end = memmem(s, len, "\n\r\n", 3))) return (size_t)(end + 3 - s);
  return end ? (size_t)(end + 2 - s) : 0;
}

char const *request_read(request *r, char *s, size_t len)
{
  struct
  {
    char const *name;
    char const **to;
  } const known[] = {
      {"request", &r->request},
      {"protocol_state", &r->protocol_state},
      {"helo_name", &r->helo_name},
      {"sender", &r->sender},
      {"recipient", &r->recipient},
      {"client_address", &r->client_address},
      {"server_address", &r->server_address},
      {"instance", &r->instance},
      {"sasl_username", &r->sasl_username},
      {"policy_context", &r->policy_context},
      {"command", &r->command},
  };
  enum
  {
    KNOWN = sizeof known / sizeof known[0]
  };

  for (unsigned int i = 0; i < KNOWN; i++) *known[i].to = "";
  if (memchr(s, 0, len)) return "a NUL byte";
  for (char *end; len; len -= (size_t)(end + 1 - s), s = end + 1)
  {
    char *equal;
    end = memchr(s, '\n', len);
    if (!end) return "a line that does not end";
    *end = 0;
    if (end > s && end[-1] == '\r') end[-1] = 0;
    if (!*s) continue;
    equal = strchr(s, '=');
    if (!equal) return "a line without =";
    for (unsigned int i = 0; i < KNOWN; i++)
      if (strlen(known[i].name) == (size_t)(equal - s) && !memcmp(known[i].name, s, (size_t)(equal - s)))
        *known[i].to = equal + 1;
  }
  return *r->request ? 0 : "no request=";
}

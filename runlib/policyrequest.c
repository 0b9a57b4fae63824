#include <string.h>

#include <runlib/policyrequest.h>

size_t policy_request_length(char const *s, size_t len)
{
  char const *end = len && *s == '\n' ? s - 1 : memmem(s, len, "\n\n", 2);

  if (!end && len > 3 && (end = memmem(s, len, "\n\r\n", 3))) return (size_t)(end + 3 - s);
  return end ? (size_t)(end + 2 - s) : 0;
}

#define VALUE(name)                                                                                          \
  {                                                                                                          \
#name, offsetof(policy_request, name)                                                                    \
  }

static struct
{
  char const *name;
  size_t offset;
} const values[] = {VALUE(request),        VALUE(protocol_state),  VALUE(helo_name),      VALUE(sender),
                    VALUE(recipient),      VALUE(recipient_count), VALUE(client_address), VALUE(client_name),
                    VALUE(server_address), VALUE(instance),        VALUE(sasl_username),  VALUE(size),
                    VALUE(policy_context), VALUE(command)};

#define VALUES (sizeof values / sizeof values[0])

static char const **value_at(policy_request *r, size_t i)
{
  return (char const **)((char *)r + values[i].offset);
}

char const **policy_request_value(policy_request *r, char const *name, size_t n)
{
  for (size_t i = 0; i < VALUES; i++)
    if (strlen(values[i].name) == n && !memcmp(values[i].name, name, n)) return value_at(r, i);
  return 0;
}

char const *policy_request_read(policy_request *r, char *s, size_t len)
{
  for (size_t i = 0; i < VALUES; i++) *value_at(r, i) = "";
  if (memchr(s, 0, len)) return "a NUL byte";
  for (char *end; len; len -= (size_t)(end + 1 - s), s = end + 1)
  {
    char const **value;
    char *equal;
    end = memchr(s, '\n', len);
    if (!end) return "a line that does not end";
    *end = 0;
    if (end > s && end[-1] == '\r') end[-1] = 0;
    if (!*s) continue;
    equal = strchr(s, '=');
    if (!equal) return "a line without =";
    value = policy_request_value(r, s, (size_t)(equal - s));
    if (value) *value = equal + 1;
  }
  return *r->request ? 0 : "no request=";
}

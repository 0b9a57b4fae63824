#include <string.h>

#include <skalibs/types.h>

#include <services/contract/key.h>

key const *key_find(section_kind const *kind, char const *name)
{
  for (key const *k = kind->keys; k->name; k++)
    if (!strcmp(k->name, name)) return k;
  return 0;
}

typedef struct unit_s unit;
struct unit_s
{
  char const *name;
  uint64_t factor;
};

static unit const sizes[] = {{"", 1}, {"K", 1ul << 10}, {"M", 1ul << 20}, {"G", 1ul << 30}, {0, 0}};
static unit const times[] = {{"", 1000},       {"ms", 1},         {"s", 1000}, {"m", 60000},
                             {"h", 3600000ul}, {"d", 86400000ul}, {0, 0}};
static unit const counts[] = {{"", 1}, {0, 0}};

static char const *with_unit(key const *k, char const *text, unit const *units, char const *wrong,
                             uint64_t *number)
{
  uint64_t n;
  size_t len = uint64_scan(text, &n);

  if (!len || (text[len] >= '0' && text[len] <= '9')) return wrong;
  while (units->name && strcmp(units->name, text + len)) units++;
  if (!units->name) return wrong;
  if (n > UINT64_MAX / units->factor) return "too large";
  n *= units->factor;
  if (n < k->min) return "too small";
  if (k->max && n > k->max) return "too large";
  *number = n;
  return 0;
}

static char const *one_of(char const *choices, char const *text, uint64_t *number)
{
  size_t len = strlen(text);

  for (uint64_t i = 0; *choices; i++)
  {
    size_t n = strcspn(choices, "|");
    if (n == len && !memcmp(choices, text, n))
    {
      *number = i;
      return 0;
    }
    choices += n;
    if (*choices) choices++;
  }
  return "not one of the words it can be";
}

char const *key_number(key const *k, char const *text, uint64_t *number)
{
  switch (k->type)
  {
    case KEY_COUNT: return with_unit(k, text, counts, "not a number", number);
    case KEY_SIZE: return with_unit(k, text, sizes, "not a size (write 500, 64K, 20M or 2G)", number);
    case KEY_TIME: return with_unit(k, text, times, "not a time (write 500ms, 30s, 10m, 2h or 7d)", number);
    case KEY_BOOL: return one_of("no|yes", text, number) ? "not yes or no" : 0;
    case KEY_CHOICE: return one_of(k->choices, text, number);
    default: return 0;
  }
}

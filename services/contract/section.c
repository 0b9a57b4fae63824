#include <string.h>

#include <services/contract/section.h>

value const *section_nth(section const *s, char const *name, size_t i)
{
  value const *v = genalloc_s(value, &s->values);
  size_t n = genalloc_len(value, &s->values);

  for (; n; n--, v++)
    if (!strcmp(v->key->name, name) && !i--) return v;
  return 0;
}

value const *section_value(section const *s, char const *name)
{
  return section_nth(s, name, 0);
}

char const *section_text(section const *s, char const *name)
{
  value const *v = section_value(s, name);
  return v ? v->text : 0;
}

uint64_t section_number(section const *s, char const *name)
{
  value const *v = section_value(s, name);
  return v ? v->number : 0;
}

int section_says(section const *s, char const *name)
{
  value const *v = section_value(s, name);
  return v && v->line;
}

size_t list_word(char const **list, char const **word)
{
  size_t n;

  *word = *list + strspn(*list, " \t,");
  n = strcspn(*word, " \t,");
  *list = *word + n;
  return n;
}

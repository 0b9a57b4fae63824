#ifndef SERVICES_CONTRACT_SECTION_H
#define SERVICES_CONTRACT_SECTION_H

#include <stddef.h>
#include <stdint.h>

#include <skalibs/genalloc.h>

#include <services/contract/key.h>

/* One `key = value` line. text is checked against the key's type; number is its value where it has one. */
typedef struct value_s value;
struct value_s
{
  key const *key;
  char *text;
  uint64_t number;
  unsigned int line; /* in mailctl.conf; 0: the default */
};

/* One section of mailctl.conf, defaults filled in: its values in the order of the file, then the defaults. */
typedef struct section_s section;
struct section_s
{
  section_kind const *kind;
  char *argument; /* NAME in [limit NAME]; empty if it has none */
  unsigned int line;
  int guessed; /* its name is misspelt in the file, which is an error: it stands for the one that is meant */
  genalloc values; /* of value */
};
#define SECTION_ZERO                                                                                         \
  {                                                                                                          \
    .kind = 0, .argument = 0, .line = 0, .guessed = 0, .values = GENALLOC_ZERO                               \
  }

/* The first value of key, or 0 where the file does not set it and it has no default. */
extern value const *section_value(section const *s, char const *key);
/* As section_value, for a key that repeats: the i-th value, from 0. */
extern value const *section_nth(section const *s, char const *key, size_t i);
/* The value's text; 0 if not set. Owned by the section. PATH values are absolute. */
extern char const *section_text(section const *s, char const *key);
/* The value's number (bytes, milliseconds, a count, 0 or 1, the place among the choices); 0 if not set. */
extern uint64_t section_number(section const *s, char const *key);
/* Whether the file itself sets it. */
extern int section_says(section const *s, char const *key);

/* The next word of a list, between blanks and commas: moves *list on. Returns its length, 0 at the end. */
extern size_t list_word(char const **list, char const **word);

#endif

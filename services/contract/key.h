#ifndef SERVICES_CONTRACT_KEY_H
#define SERVICES_CONTRACT_KEY_H

#include <stdint.h>

/*
 * What mailctl.conf may say: the sections, and the keys of each. One table feeds the parser, the manual
 * page's tables and the comments of the file that init writes, so that they cannot drift.
 */

typedef enum key_type_e
{
  KEY_TEXT,      /* any text */
  KEY_PATH,      /* a file name; a relative one counts from the directory of mailctl.conf */
  KEY_COMMAND,   /* a command line, handed to execlineb */
  KEY_USER,      /* a user of this machine */
  KEY_COUNT,     /* a number, min to max */
  KEY_SIZE,      /* bytes: a number with K, M or G */
  KEY_TIME,      /* milliseconds: a number with ms, s, m, h or d; a bare number is seconds */
  KEY_BOOL,      /* yes or no */
  KEY_CHOICE,    /* one of the words in choices, kept as its place there, from 0 */
  KEY_ADDRESSES, /* listening addresses, each ADDRESS:PORT or ADDRESS:PORT/LABEL, between blanks or commas */
  KEY_NAMES      /* names of services, between blanks or commas */
} key_type;

typedef struct key_s key;
struct key_s
{
  char const *name;
  key_type type;
  int repeat;           /* 1: a list; the key may stand several times, and order counts */
  char const *fallback; /* the default, as the file would say it; 0: not set */
  uint64_t min;         /* bounds of COUNT, SIZE (bytes) and TIME (ms); max 0: none */
  uint64_t max;
  char const *choices; /* for CHOICE: "offer|off|require" */
  char const *help;    /* one line, no full stop */
};

typedef struct section_kind_s section_kind;
struct section_kind_s
{
  char const *name;     /* as in [name] */
  char const *argument; /* what NAME stands for in [name NAME]; 0: the section has none */
  char const *help;     /* one line, no full stop */
  key const *keys;      /* ends at a row whose name is 0 */
};

extern key const *key_find(section_kind const *kind, char const *name);

/*
 * Reads text as the number that a COUNT, SIZE, TIME, BOOL or CHOICE stands for.
 * Returns 0, or what is wrong, as words that can follow "key: " (static, not to be freed).
 */
extern char const *key_number(key const *k, char const *text, uint64_t *number);

#endif

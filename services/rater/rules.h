#ifndef RATER_RULES_H
#define RATER_RULES_H

#include <stddef.h>
#include <stdint.h>

#include <sys/types.h>

#include <skalibs/genalloc.h>
#include <skalibs/stralloc.h>

#include "bucket.h"

/*
 * What is too often: rater-rules(5). A line each: CLASS PATTERN LIMIT... [OPTION]..., CLASS askers=USER,...,
 * CLASS policy=STATE VALUE [QUANTITY], CLASS block=TIME [TIME], or CLASS window.
 * A class holds its rules in the order of the file, and the first that matches a value decides.
 */

#define RULES_CLASSES   64   /* in a file */
#define RULES_MAX       4096 /* in a file */
#define CLASS_NAME_MAX  32   /* letters, digits, `.`, `_`, `-`; the first a letter or a digit */
#define CLASS_ASKERS    16   /* users that may count in a class */
#define CLASS_ASKS      8    /* questions of the policy protocol that a class answers */
#define RULE_WINDOWS    4    /* limits of a rule, all of which must admit */
#define RULES_ERROR_MAX 160  /* an error in words, with its NUL */

typedef struct rule_s rule;
struct rule_s
{
  char *pattern;  /* as written, in lower case; owned */
  size_t len;     /* of pattern */
  uint8_t any;    /* the pattern is `*` */
  uint8_t family; /* 0: a shell pattern; 4 or 6: addresses */
  uint8_t bits;   /* addresses: how many bits of net count */
  uint8_t group;  /* addresses: how many bits make a key; all: an address each */
  unsigned char net[16];
  limit limits[RULE_WINDOWS];
  unsigned int windows; /* 1 or more */
};

/* What a request of the policy protocol asks a class. */
typedef struct policy_ask_s policy_ask;
struct policy_ask_s
{
  char state[16];    /* its protocol_state */
  char value[20];    /* the name of the value that is counted */
  char quantity[20]; /* and of how many; empty: one */
};

typedef struct class_s class;
struct class_s
{
  char name[CLASS_NAME_MAX + 1];
  size_t len;
  genalloc rules;             /* of rule */
  int nets;                   /* some rule is about addresses */
  uid_t askers[CLASS_ASKERS]; /* who may count; none: everybody */
  unsigned int n_askers;
  policy_ask asks[CLASS_ASKS];
  unsigned int n_asks;
  /* An address that goes over is blocked at the door for so long, the first time and at most, in s; 0: it is not. */
  uint32_t block_first, block_most;
  int window;    /* it counts nothing: !open lets a value in for a time, its rule's PERIOD at most */
  int board;     /* where the table counts for it; -1: nowhere */
  uint64_t hash; /* of the name, with the table's key */
};

typedef struct rules_s rules;
struct rules_s
{
  class classes[RULES_CLASSES];
  unsigned int n;
  unsigned int total; /* rules in all classes */
};

/* A value as its rule sees it: what is counted together. */
typedef struct subject_s subject;
struct subject_s
{
  rule const *rule; /* 0: none matches; nothing is counted */
  char const *key;  /* what to hash; points into the value or into buf, and lasts no longer */
  size_t len;
  char buf[18]; /* addresses: family, bits, the address's bytes */
};

/*
 * Adds the line s to r; blank lines and comments add nothing. Returns 0, or -1 and errno: EINVAL, with
 * what is wrong in error (RULES_ERROR_MAX bytes), or ENOMEM. A line that fails adds nothing.
 */
extern int rules_add(rules *r, char const *s, size_t n, char *error);
/* As rules_add, for what follows CLASS in a line. */
extern int rules_add_to(rules *r, char const *name, char const *s, size_t n, char *error);

/*
 * Reads a whole file's text. Appends an error a line, `FILE:LINE: what is wrong`, to errors.
 * Returns 0, or -1 and errno; r is to be freed in both cases.
 */
extern int rules_parse(rules *r, char const *file, char const *s, size_t n, stralloc *errors);
extern void rules_free(rules *r);

extern class *rules_class(rules *r, char const *name, size_t n);

/*
 * The one form in which a value is compared and counted: addresses as inet_ntop writes them (IPv4 in IPv6 as IPv4), anything
 * else in lower case (ASCII) without dots at its end, so that neither an address of mail nor a host has several counts.
 * out: VALUE_ROOM(n) bytes, no NUL. Returns its length.
 */
#define VALUE_ROOM(n) ((n) + 46)
extern size_t value_canonical(char *out, char const *value, size_t n);

/*
 * Finds the rule of a value in its one form. whole: the value may be a group, such as 10.0.0.0/24, as answers show it: of
 * exactly the rule's bits.
 */
extern void class_match(class const *c, char const *value, size_t n, int whole, subject *s);
/* The hash of window i of a key whose hash is given: a key of its own. */
extern uint64_t window_hash(uint64_t hash, unsigned int i);
/* The subject as people read it, into out (size n, no NUL): the value, or the addresses. Returns its length. */
extern size_t subject_name(subject const *s, char const *value, size_t len, char *out, size_t n);
/* A rule as a line of the file without its class; appends to sa. Returns 0, or -1 and errno. */
extern int rule_fmt(rule const *r, stralloc *sa);

#endif

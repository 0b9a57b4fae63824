#ifndef SERVICES_POLICY_SETTINGS_H
#define SERVICES_POLICY_SETTINGS_H

#include <stdint.h>

#include "list.h"

/* What policyd is told to do: the lines of data/policy, which service.c makes of the section [policy]. */

/* What a condition leads to: each is worse for the client than the one before. */
typedef enum action_e
{
  ACTION_OFF, /* nobody looks */
  ACTION_OBSERVE,
  ACTION_MARK, /* SPF alone: a header field */
  ACTION_GREYLIST,
  ACTION_TEMPFAIL,
  ACTION_REJECT
} action;

/* In the order in which they are looked at; the first that refuses does. */
typedef enum condition_e
{
  BLOCK_ADDRESS, /* in the order of list_kind */
  BLOCK_RDNS,
  BLOCK_SENDER,
  BLOCK_RECIPIENT,
  RDNS_MISSING,
  RDNS_UNRESOLVED,
  RDNS_UNCONFIRMED,
  RDNS_KEYWORD,
  RDNS_COUNTRY,
  HELO_INVALID,
  HELO_OURS,
  LISTED,
  SPF_IS_NONE, /* in the order of spf_result */
  SPF_IS_NEUTRAL,
  SPF_IS_PASS,
  SPF_IS_FAIL,
  SPF_IS_SOFTFAIL,
  SPF_IS_TEMPERROR,
  SPF_IS_PERMERROR,
  SPF_HELO_FAIL,
  SENDER_UNKNOWN,
  SENDER_NULL_MX,
  GREYLISTED,
  CONDITIONS
} condition;

typedef struct condition_kind_s condition_kind;
struct condition_kind_s
{
  char const *key;  /* in [policy] */
  char const *code; /* in the log; spamdyke's where it has one */
};
extern condition_kind const condition_kinds[CONDITIONS];

#define DNSLIST_CODES 16

typedef enum dnslist_kind_e
{
  DNSBL,
  DNSWL,
  RHSBL
} dnslist_kind;

/* Of what an RHSBL is asked. */
#define RHSBL_SENDER 1u
#define RHSBL_HELO   2u
#define RHSBL_RDNS   4u

typedef struct dnslist_s dnslist;
struct dnslist_s
{
  dnslist_kind kind;
  char *name;
  char *reply; /* 0: what the list says itself */
  unsigned int weight;
  unsigned int of;
  unsigned int n;
  struct
  {
    uint32_t from, to;
  } codes[DNSLIST_CODES];
  uint64_t unusable; /* until then, in seconds; 0: it is not */
};

typedef struct settings_s settings;
struct settings_s
{
  action actions[CONDITIONS];
  list allow[LIST_KINDS], block[LIST_KINDS];
  genalloc dnslists; /* of dnslist */
  unsigned int threshold;
  stralloc keywords; /* each with a NUL */
  int greylist_all;
  uint64_t greylist_delay, greylist_window, greylist_lifetime; /* seconds */
  char hostname[256];
};

extern void settings_init(settings *s);
/* One line: `KEY VALUE`. Returns 0 or what is wrong, as words that follow "KEY: " (static). */
extern char const *settings_set(settings *s, char const *key, char const *value);
/* Reads a whole file of these; *line is the one that is wrong. Returns 0 or what is wrong. */
extern char const *settings_read(settings *s, char *text, unsigned int *line);
/* Looks whether the files of the lists have changed. */
extern void settings_refresh(settings *s);
extern void settings_free(settings *s);

#endif

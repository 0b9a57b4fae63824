#ifndef SERVICES_POLICY_SPF_INTERNAL_H
#define SERVICES_POLICY_SPF_INTERNAL_H

#include <stdint.h>

#include "spf.h"

/* One evaluation. */
typedef struct spf_run_s spf_run;
struct spf_run_s
{
  spf_question const *q;
  unsigned char const *ip; /* of q, or the IPv4 address within it */
  unsigned int ip_len;
  char const *local; /* the sender's local part */
  size_t local_len;
  char const *origin; /* the sender's domain */
  unsigned int terms; /* that asked the DNS */
  unsigned int voids; /* of these, to no avail */
  int included;       /* inside so many `include`, where nothing is explained */
  spf_answer *answer;
};

/* --- term.c: the words of a record ---------------------------------------------------------------- */

typedef enum spf_kind_e
{
  SPF_ALL,
  SPF_INCLUDE,
  SPF_A,
  SPF_MX,
  SPF_PTR,
  SPF_IP4,
  SPF_IP6,
  SPF_EXISTS,
  SPF_REDIRECT,
  SPF_EXP,
  SPF_UNKNOWN /* a modifier from the future */
} spf_kind;

typedef struct spf_term_s spf_term;
struct spf_term_s
{
  spf_kind kind;
  spf_result result; /* of a mechanism that matches */
  char const *text;  /* all of it */
  size_t len;
  char const *spec; /* the domain-spec; spec_len 0: there is none */
  size_t spec_len;
  unsigned char ip[16]; /* of ip4 and ip6 */
  unsigned int bits4, bits6;
};

/*
 * Reads the next term of the *len bytes at *s, and moves both on. Returns 1, 0 at the end, or -1 when it is
 * none: t->text and t->len are what is wrong.
 */
extern int spf_term_next(char const **s, size_t *len, spf_term *t);

/* --- macro.c: RFC 7208, 7 ------------------------------------------------------------------------- */

/*
 * Whether n bytes are a macro-string; or the text of an explanation, which may have blanks and three macros
 * more.
 */
extern int spf_macro_valid(char const *s, size_t n, int explanation);
/* Whether n bytes are a domain-spec. */
extern int spf_spec_valid(char const *s, size_t n);

/*
 * What both return: 1; 0, there is no such text: too long, or a name that cannot be (RFC 7208, 4.3); -1, an
 * answer is not there yet. name: room for DNS_NAME_MAX and a NUL. domain: the one whose record this is.
 */
extern int spf_expand_name(spf_run *run, char const *domain, char const *spec, size_t len, char *name);
extern int spf_expand_explanation(spf_run *run, char const *domain, char const *s, size_t len);

/* --- name.c ---------------------------------------------------------------------------------------- */

/* Whether name is domain or below it. */
extern int spf_name_within(char const *name, char const *domain);
/* Whether the first bits of both are the same. */
extern int spf_same_network(unsigned char const *a, unsigned char const *b, unsigned int bits);
/* The address as the macro `i` has it: dotted, nibbles for IPv6. text: SPF_IP_MAX. Returns its length. */
#define SPF_IP_MAX 64
extern size_t spf_ip_dotted(spf_run const *run, char *text);

/*
 * The client's names in the DNS whose addresses have the client's own (RFC 7208, 5.5). Calls each with up to
 * ten, until it returns nonzero. Returns that; 0: none wanted; -1: an answer is not there yet. *found (may be
 * 0): whether there was a PTR record.
 */
typedef int spf_name_function(void *data, char const *name);
extern int spf_client_names(spf_run *run, spf_name_function *each, void *data, int *found);

#endif

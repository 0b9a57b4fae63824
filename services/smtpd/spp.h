#ifndef SERVICES_SMTPD_SPP_H
#define SERVICES_SMTPD_SPP_H

#include <stddef.h>

#include <skalibs/stralloc.h>

#include "operations.h"

/*
 * The host of qmail-spp plugins, but for running them: which ones a command runs, and what their output
 * does (http://qmail-spp.sourceforge.net/doc/).
 */

typedef enum spp_section_e
{
  SPP_CONNECTION,
  SPP_HELO,
  SPP_MAIL,
  SPP_RCPT,
  SPP_DATA,
  SPP_AUTH,
  SPP_PASS,
  SPP_NONE
} spp_section;

typedef enum spp_verdict_e
{
  SPP_REFUSE, /* a reply is in out */
  SPP_GO,
  SPP_OVERRIDE, /* go, and skip smtpd's own checks */
  SPP_DROP      /* end the session; there may be a reply in out */
} spp_verdict;

typedef struct spp_s spp;
struct spp_s
{
  int off;            /* a plugin said A, or there are none */
  stralloc vars;      /* NAME=VALUE NUL or, unset, NAME NUL */
  stralloc headers;   /* for the next message */
  stralloc later[3];  /* replies that refuse the next MAIL, RCPT, DATA */
  unsigned int count; /* accepted recipients */
  unsigned int tried; /* recipients, accepted or not */
  unsigned int runs;  /* of plugins, since the last message that was accepted */
};
#define SPP_ZERO                                                                                             \
  {                                                                                                          \
    .off = 0, .vars = STRALLOC_ZERO, .headers = STRALLOC_ZERO, .count = 0, .tried = 0, .runs = 0             \
  }

/* What a run is about: the file's lines, the address that C may replace (else 0), and where replies go. */
typedef struct spp_run_s spp_run;
struct spp_run_s
{
  stralloc const *plugins;
  operations const *operations;
  int closed;           /* a time-out refuses */
  char const *variable; /* SMTPMAILFROM or SMTPRCPTTO; 0: no address */
  stralloc *address;    /* with a NUL behind it that len does not count */
  stralloc *out;
};

/*
 * The next line of a list of plugins (control_list), 0 at its end. *at begins at 0, *section at SPP_NONE and becomes
 * the one that the line is in, or, as `[name]`, begins: its first letter counts. SPP_NONE: none that there is.
 */
extern char const *spp_next(stralloc const *list, size_t *at, spp_section *section);
/* Runs a section. Returns its spp_verdict, or -1 for ENOMEM. */
extern int spp_section_run(spp *p, spp_section section, spp_run const *run);
/*
 * What one plugin's output does. Returns the letter that ended it (A N O E R D), 0 if none did, or -1 for
 * ENOMEM. Lines of no meaning are passed over, as qmail-spp does; so is all behind the ending letter.
 */
extern int spp_output(spp *p, char const *text, size_t len, spp_run const *run);
/* The replies kept for a section (M, R, D). Returns 1 if there are some, and they are in out; 0; or -1. */
extern int spp_refused_earlier(spp *p, spp_section section, stralloc *out);
/* Forgets headers, kept replies and counts. */
extern void spp_reset(spp *p);
/* Sets a variable; value 0: unsets it. Returns 0 or -1 (ENOMEM, E2BIG). */
extern int spp_set(spp *p, char const *name, char const *value);
/* The variable as a plugin set it: its value; 0: not touched; *unset says that one unset it. */
extern char const *spp_get(spp const *p, char const *name, int *unset);
extern void spp_free(spp *p);
/*
 * Appends a reply of so many bytes as one line, CRLF included: what is not printable becomes `?`; a line of class 4 or 5
 * without an enhanced status code gets one, that which qmail puts at its end, `(#5.7.1)`, or a default.
 * Returns 0, or -1 for ENOMEM.
 */
extern int spp_reply(stralloc *sa, char const *s, size_t len);

#endif

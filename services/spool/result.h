#ifndef SERVICES_SPOOL_RESULT_H
#define SERVICES_SPOOL_RESULT_H

#include <stddef.h>

#include <services/spool/schedule.h>

/* What remote's report (qmail-remote(8), remote(8)) says of each recipient. Pure. */

typedef struct recipient_result_s recipient_result;
struct recipient_result_s
{
  char letter;      /* ENVELOPE_DONE, ENVELOPE_FAILED or ENVELOPE_REMOTE: it must wait */
  char const *text; /* in the report; never 0 */
};

/*
 * Reads a report of len bytes, NUL after each of its parts, for n recipients. What it does not say, or says in no such
 * form, is: not now. Returns how the destination is: it answered; it did not (a status of 4.4); or the trouble is our own.
 */
extern health results_read(char const *report, size_t len, recipient_result *r, unsigned int n);

/*
 * The status code of RFC 3463 that a text has, the server's or remote's, as `5.1.1` or `4.4.1`; `5.0.0` where it has none.
 */
#define STATUS_SIZE 12
extern void result_status(char status[STATUS_SIZE], char const *text);
/* The server's own words in a text; 0: there are none. */
extern char const *result_said(char const *text);

#endif

#ifndef SERVICES_SMTPD_RECIPIENTS_H
#define SERVICES_SMTPD_RECIPIENTS_H

#include <stddef.h>

#include <runlib/mapping.h>
#include <runlib/mappingrules.h>

/* Who can get mail from the embedded spool, by its own mapping: read when the first recipient is named. */
typedef struct recipients_files_s recipients_files;
struct recipients_files_s
{
  char const *mail; /* the directory of the Maildirs */
  rules_files rules;
};

typedef struct recipients_s recipients;
struct recipients_s
{
  rules rules;
  mapping map;
};

/* Reads them for whoever inherits r. Returns 1 if they have changed. What cannot be read is left to him. */
extern int recipients_warm(recipients *r, recipients_files const *f);
/*
 * Returns 1; 0: there is no such recipient; -1: nobody can tell now, or, unless local_only, its domain is
 * another's to deliver.
 */
extern int recipients_known(recipients *r, recipients_files const *f, char const *address, size_t len,
                            int local_only);

/*
 * Whether mail for address leads to the Maildir `name`, maybe among others. Returns 1; 0; or -1: nobody can tell now.
 */
extern int recipients_lead(recipients *r, recipients_files const *f, char const *address, size_t len,
                           char const *name);

#endif

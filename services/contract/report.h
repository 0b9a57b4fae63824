#ifndef SERVICES_CONTRACT_REPORT_H
#define SERVICES_CONTRACT_REPORT_H

#include <skalibs/stralloc.h>

#include <services/contract/section.h>

/*
 * What is wrong with a configuration, gathered so that all of it can be said in one go:
 * a line each, `FILE:LINE: [section] key: what is wrong`.
 */
typedef struct report_s report;
struct report_s
{
  char const *file; /* mailctl.conf's name, not owned */
  stralloc text;
  stralloc notes; /* for `mailctl check` to tell where nothing is wrong */
  unsigned int errors;
  unsigned int warnings;
};
#define REPORT_ZERO                                                                                          \
  {                                                                                                          \
    .file = 0, .text = STRALLOC_ZERO, .notes = STRALLOC_ZERO, .errors = 0, .warnings = 0                     \
  }

/* s and key may be 0. The line is the key's where the file sets it, else the section's. No newline in format. */
extern void report_error(report *r, section const *s, char const *key, char const *format, ...)
    __attribute__((format(printf, 4, 5)));
extern void report_warning(report *r, section const *s, char const *key, char const *format, ...)
    __attribute__((format(printf, 4, 5)));
/* No mistake, but worth knowing. */
extern void report_note(report *r, section const *s, char const *text);
/* For the parser, which has a line and no section yet. */
extern void report_line(report *r, unsigned int line, char const *format, ...)
    __attribute__((format(printf, 3, 4)));
extern void report_free(report *r);

#endif

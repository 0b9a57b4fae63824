#ifndef TLS_REPORT_INTERNAL_H
#define TLS_REPORT_INTERNAL_H

#include <services/contract/report.h>

/* Runs `PROGRAM --check -` on the n bytes of config and adds the errors and warnings that it finds to r. */
extern void check_report(section const *s, char const *program, char const *config, size_t n, report *r);

#endif

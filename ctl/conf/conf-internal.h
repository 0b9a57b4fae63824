#ifndef CTL_CONF_CONF_INTERNAL_H
#define CTL_CONF_CONF_INTERNAL_H

#include <skalibs/stralloc.h>

#include <services/contract/report.h>
#include <services/contract/section.h>

#include <ctl/conf/conf.h>

/*
 * Reads text as a value of k into v (text, number and key; the line is the caller's). A relative path
 * counts from directory. Returns 0, 1 with what is wrong in words appended to why, or -1 and errno.
 */
extern int conf_value(value *v, key const *k, char const *text, char const *directory, stralloc *why);

/* Why a user or group name, or the NAME of [service NAME], cannot be one; 0: it can. Static. */
extern char const *conf_name_wrong(char const *name);

/* What no single line shows: names, clashes and lengths over the whole file. Returns 0, or -1 and errno. */
extern int conf_check_whole(conf *c, report *r);

/* `[section NAME] key: what`, of a line that is not (yet) in a section's values. name, the key, may be 0. */
extern void conf_say(report *r, unsigned int line, section const *s, char const *name, char const *format,
                     ...) __attribute__((format(printf, 5, 6)));

/* The section of that index. Adding one moves them all. */
extern section *conf_section(conf const *c, size_t i);

/* --- the parser, conf-parse.c: what stands in the file ------------------------------------------- */

typedef struct parser_s parser;
struct parser_s
{
  conf *c;
  report *r;
  char *directory; /* of the file: the base of relative paths */
  char const *bytes;
  size_t len;
  size_t pos;
  unsigned int line;
  enum
  {
    BEFORE,  /* no section has begun */
    UNKNOWN, /* in one that there is not: its keys are passed over */
    OTHER, /* in a misspelt one, whose right name the file has as well: its values are checked, and forgotten */
    INSIDE /* in the one at current */
  } place;
  section other;
  size_t current; /* an index: the array moves as it grows */
  int failed;     /* memory is short: errno */
};

/* Reads all the lines into sections and values. Returns 0, or -1 and errno. */
extern int conf_lines(parser *p);
/* Both say what is wrong with what they are given, or set failed. The line of a default is 0. */
extern void conf_add_section(parser *p, section_kind const *kind, char const *argument);
extern void conf_add_value(parser *p, section *s, key const *k, char const *text, unsigned int line);

#endif

#ifndef CTL_CONF_INTERNAL_H
#define CTL_CONF_INTERNAL_H

#include <skalibs/stralloc.h>

#include <services/report.h>
#include <services/section.h>

#include <ctl/conf.h>

/*
 * Reads text as a value of k into v (text, number and key; the line is the caller's). A relative path
 * counts from folder. Returns 0, 1 with what is wrong in words appended to why, or -1 and errno.
 */
extern int conf_value(value *v, key const *k, char const *text, char const *folder, stralloc *why);

/* Why a user or group name, or the NAME of [service NAME], cannot be one; 0: it can. Static. */
extern char const *conf_name_wrong(char const *name);

/* What no single line shows: names, clashes and lengths over the whole file. Returns 0, or -1 and errno. */
extern int conf_check_whole(conf *c, report *r);

/* `[section NAME] key: what`, of a line that is not (yet) in a section's values. name, the key, may be 0. */
extern void conf_say(report *r, unsigned int line, section const *s, char const *name, char const *format,
                     ...) __attribute__((format(printf, 5, 6)));

#endif

#ifndef CTL_CONF_CONF_H
#define CTL_CONF_CONF_H

#include <stddef.h>

#include <skalibs/genalloc.h>
#include <skalibs/stralloc.h>

#include <services/contract/report.h>
#include <services/contract/section.h>
#include <services/contract/service.h>

#define CONF_MAX      (1u << 20) /* bytes of a mailctl.conf */
#define CONF_LINE_MAX 4096       /* bytes of a line, the newline not counted */
#define CONF_NAME_MAX 48         /* of a key, and of all between [ and ]: inih cuts them at 49 */
#define CONF_ERRORS   100        /* reported before the parser gives up */
#define SOCKET_MAX    107        /* bytes of a unix socket's path: sun_path less its NUL */

/* A parsed mailctl.conf. */
typedef struct conf_s conf;
struct conf_s
{
  char *file;        /* absolute */
  genalloc sections; /* of section; [bundle] first, there even if the file lacks it */
  stralloc bytes;    /* the file, as read */
  char *home;        /* the directory that [bundle] control is in */
  char const
      *set; /* given: what %set% stands for in paths and commands, a software set's prefix; 0: for itself */
};
#define CONF_ZERO                                                                                            \
  {                                                                                                          \
    .file = 0, .sections = GENALLOC_ZERO, .bytes = STRALLOC_ZERO, .home = 0                                  \
  }

/*
 * Reads the file. What is wrong with its content goes to r, all of it in one go.
 * Returns 0, or -1 and errno if it cannot be read or memory is short; c can be freed in either case.
 */
extern int conf_read(conf *c, char const *file, report *r);
/* The same from memory. file names it in r (and must outlive r), and is the base of relative paths. */
extern int conf_parse(conf *c, char const *file, char const *bytes, size_t len, report *r);
extern void conf_free(conf *c);

/*
 * Fills b from a configuration without errors. b points into c, libexec and bin, which must outlive it.
 * root: services drop to their users. Returns 0, or -1 and errno (ENOMEM: c was cut short by it).
 */
extern int bundle_fill(bundle *b, conf const *c, char const *libexec, char const *bin, int root);

#endif

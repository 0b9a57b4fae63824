#ifndef CTL_BUNDLE_H
#define CTL_BUNDLE_H

#include <services/service.h>

#include <ctl/conf.h>

/* What [bundle] may say. */
extern section_kind const bundle_kind;

/*
 * Fills b from a configuration without errors. b points into c, libexec and bin, which must outlive it.
 * root: services drop to their users. Returns 0, or -1 and errno (ENOMEM: c was cut short by it).
 */
extern int bundle_fill(bundle *b, conf const *c, char const *libexec, char const *bin, int root);

#endif

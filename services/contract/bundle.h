#ifndef SERVICES_CONTRACT_BUNDLE_H
#define SERVICES_CONTRACT_BUNDLE_H

#include <services/contract/key.h>

/* What [bundle] may say. */
extern section_kind const bundle_kind;

#define BUNDLE_USER "mailctl-log" /* [bundle]'s system user, see user in service.h: it has the logs */

#endif

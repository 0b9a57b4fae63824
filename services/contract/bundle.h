#ifndef SERVICES_CONTRACT_BUNDLE_H
#define SERVICES_CONTRACT_BUNDLE_H

#include <services/contract/key.h>

/* What [bundle] may say. */
extern section_kind const bundle_kind;

#endif

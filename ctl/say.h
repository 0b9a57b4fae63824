#ifndef CTL_SAY_H
#define CTL_SAY_H

#include <skalibs/strerr.h>

/* How mailctl speaks to stderr: `mailctl: unable to VERB OBJECT: reason` from errno, and plain sentences. */
#define say_cannot(...) strerr_warnsys(PROG, ": unable to ", __VA_ARGS__)
#define say(...)        strerr_warn(PROG, ": ", __VA_ARGS__)

#endif

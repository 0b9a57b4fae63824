#include <runlib/formats.h>

format const formats[] = {{"generation", 1, 2}, /* ctl/plan/manifest.h; the first cannot be gone back to */
                          {"spool", 1, 1},      /* runlib/envelope.h, spoolname.h */
                          {"rater", 1, 1},      /* services/rater/tablefile.h */
                          {"counters", 1, 1},   /* runlib/counters.h */
                          {"journal", 1, 1},    /* runlib/journal.h */
                          {"greylist", 1, 1},   /* services/policy/store.h */
                          {"users", 1, 1},      /* runlib/users.h */
                          {0, 0, 0}};

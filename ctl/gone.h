#ifndef CTL_GONE_H
#define CTL_GONE_H

#include <ctl/generation.h>
#include <ctl/load.h>

/*
 * Stops the services that RUN/servicedirs has and the plan does not, in the order that the last generation
 * gives them, and removes them. Failures are said to stderr. The exit status: 0, or what progress_run says.
 */
extern int gone_remove(wanted const *w, generation const *old, char const *scandir);
/*
 * The same for services, of the chosen ones (plan_chosen), whose folders are about to get another user: neither the
 * service nor its logger shall write there meanwhile. up adds them again.
 */
extern int gone_displace(wanted const *w, generation const *old, char const *scandir, int argc,
                         char const *const *names);

#endif

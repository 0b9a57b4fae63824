#ifndef CTL_LIVE_RETIRE_H
#define CTL_LIVE_RETIRE_H

#include <ctl/plan/plan.h>
#include <ctl/plan/generation.h>

/*
 * Stops the services that RUN/servicedirs has and the plan does not, in the order that the last generation
 * gives them, and removes them. Failures are said to stderr. The exit status: 0, or what progress_run says.
 */
extern int retire_remove(bundle const *b, plan const *p, generation const *old, char const *scandir);
/*
 * The same for services, of the chosen ones (plan_chosen), whose directories are about to get another user: neither the
 * service nor its logger shall write there meanwhile. up adds them again.
 */
extern int retire_displace(bundle const *b, plan const *p, generation const *old, char const *scandir,
                           int argc, char const *const *names);

#endif

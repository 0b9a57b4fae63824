#ifndef CTL_COMMAND_FRESH_H
#define CTL_COMMAND_FRESH_H

#include <limits.h>

#include <skalibs/stralloc.h>

#include <services/contract/service.h>

#include <ctl/command/password.h>
#include <ctl/conf/conf.h>
#include <ctl/context.h>
#include <ctl/machine/reach.h>

#define FRESH_DOMAIN "example.test"
#define FRESH_LOGIN  "postmaster"

/* What `mailctl init` makes. */
typedef struct fresh_s fresh;
struct fresh_s
{
  context const *cx;
  char directory[PATH_MAX];
  char const *user; /* of all services; 0: as root each has its own, else they run as whoever runs mailctl */
  char const *
      domain; /* the real domain whose mail comes here; 0: it is to be tried on this machine, for FRESH_DOMAIN */
  char const *host; /* as others know this machine: by default the domain */
  int create_users;
  who mail, auth, dkim; /* as root: whose the Maildirs are, the file of passwords, and the keys that sign */
  char password[PASSWD_GENERATED + 1];
  stralloc text; /* mailctl.conf */
  conf c;        /* the same, parsed */
  bundle b;
};

#define fresh_domain(f) ((f)->domain ? (f)->domain : FRESH_DOMAIN)

/* Says what is there, and what to do next. Returns an exit status. */
extern int fresh_say(fresh const *f);

#endif

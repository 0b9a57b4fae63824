#ifndef CTL_COMMAND_COMMAND_H
#define CTL_COMMAND_COMMAND_H

#include <ctl/context.h>

/* mailctl's commands: one file and one row in the table (ctl/mailctl.c) each. */

typedef struct command_s command;
struct command_s
{
  char const *name;
  int (*run)(context const *cx, int argc,
             char const *const *argv); /* argv[0] is the name; returns the exit status */
  char const *synopsis;                /* what follows the name */
  char const *help;                    /* one line, no full stop */
  char const *details;                 /* lines of options, or "" */
};

/* Says what is wrong with the command line, and how to ask for help. Returns EXIT_USAGE. */
extern int usage_error(char const *command, char const *wrong);

extern int command_init(context const *, int, char const *const *);
extern int command_check(context const *, int, char const *const *);
extern int command_plan(context const *, int, char const *const *);
extern int command_up(context const *, int, char const *const *);
extern int command_confirm(context const *, int, char const *const *);
extern int command_sets(context const *, int, char const *const *);
extern int command_switch(context const *, int, char const *const *);
extern int command_gc(context const *, int, char const *const *);
extern int command_generations(context const *, int, char const *const *);
extern int command_diff(context const *, int, char const *const *);
extern int command_rollback(context const *, int, char const *const *);
extern int command_down(context const *, int, char const *const *);
extern int command_restart(context const *, int, char const *const *);
extern int command_reload(context const *, int, char const *const *);
extern int command_status(context const *, int, char const *const *);
extern int command_log(context const *, int, char const *const *);
extern int command_overload(context const *, int, char const *const *);
extern int command_convert(context const *, int, char const *const *);
extern int command_block(context const *, int, char const *const *);
extern int command_policy(context const *, int, char const *const *);
extern int command_dns(context const *, int, char const *const *);
extern int command_dkim(context const *, int, char const *const *);
extern int command_passwd(context const *, int, char const *const *);
extern int command_user(context const *, int, char const *const *);
extern int command_autoconfig(context const *, int, char const *const *);
extern int command_alias(context const *, int, char const *const *);
extern int command_domain(context const *, int, char const *const *);
extern int command_monitor(context const *, int, char const *const *);
extern int command_history(context const *, int, char const *const *);
extern int command_queue(context const *, int, char const *const *);
extern int command_maintenance(context const *, int, char const *const *);
extern int command_backup(context const *, int, char const *const *);
extern int command_restore(context const *, int, char const *const *);
extern int command_run_job(context const *, int, char const *const *);
extern int command_run(context const *, int, char const *const *);

#endif

#ifndef CTL_COMMAND_H
#define CTL_COMMAND_H

/* mailctl's commands: one file and one row in the table (ctl/mailctl.c) each. */

/* Exit statuses, beside 0. */
#define EXIT_NO      1   /* the answer is no: degraded, not ready, something to change */
#define EXIT_NONE    3   /* the bundle is not running */
#define EXIT_TIMEOUT 99  /* timed out */
#define EXIT_USAGE   100 /* the command line is wrong */
#define EXIT_CONF    102 /* the configuration is wrong */
#define EXIT_SYSTEM  111 /* the system refused something */

/* What main knows before any command runs. Strings live as long as the process. */
typedef struct context_s context;
struct context_s
{
  char const *file;    /* mailctl.conf, absolute */
  char const *bin;     /* the folder that mailctl is in */
  char const *libexec; /* the folder that its daemons are in */
  int root;            /* runs as root */
  int stored;          /* take STATE/current's copy of the file: see run */
};

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
extern int command_down(context const *, int, char const *const *);
extern int command_restart(context const *, int, char const *const *);
extern int command_reload(context const *, int, char const *const *);
extern int command_status(context const *, int, char const *const *);
extern int command_log(context const *, int, char const *const *);
extern int command_overload(context const *, int, char const *const *);
extern int command_passwd(context const *, int, char const *const *);
extern int command_monitor(context const *, int, char const *const *);
extern int command_history(context const *, int, char const *const *);
extern int command_run(context const *, int, char const *const *);

#endif

#ifndef CTL_CONTEXT_H
#define CTL_CONTEXT_H

/* Exit statuses, beside 0. */
#define EXIT_NO      1   /* the answer is no: degraded, not ready, something to change */
#define EXIT_NONE    3   /* the bundle is not running */
#define EXIT_BACK    4   /* what was to run did not become healthy: the generation of before runs again */
#define EXIT_ILL     5   /* so it is, and is not healthy either */
#define EXIT_TIMEOUT 99  /* timed out */
#define EXIT_USAGE   100 /* the command line is wrong */
#define EXIT_CONF    102 /* the configuration is wrong */
#define EXIT_SYSTEM  111 /* the system refused something */

/* What main knows before any command runs. Strings live as long as the process. */
typedef struct context_s context;
struct context_s
{
  char const *file;    /* mailctl.conf, absolute */
  char const *set;     /* the prefix of its software set */
  char const *bin;     /* the directory that mailctl is in */
  char const *libexec; /* the directory that its daemons are in */
  int root;            /* runs as root */
  int one_way;         /* what writes data that the software before cannot read is no mistake */
  int stored;          /* take STATE/current's copy of the file: see run */
};

#endif

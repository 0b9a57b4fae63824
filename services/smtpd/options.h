#ifndef SERVICES_SMTPD_OPTIONS_H
#define SERVICES_SMTPD_OPTIONS_H

#include "config.h"
#include "recipients.h"

/* The command line and the environment of smtpd(8). Times are milliseconds. */
typedef struct options_s options;
struct options_s
{
  char const *queue;                /* the qmail-queue program */
  char const *auth_socket;          /* or 0 */
  char const *const *checkpassword; /* or 0: its argv */
  char const *tls_socket;
  char const *rater_socket;
  char const *window_class; /* 0: none */
  char const *rater_class;
  int counts_errors, counts_refusals; /* -K: in the classes errors and refused */
  char const *counters;
  char const *overload; /* the flag */
  char const *plugins;  /* the file; 0: none */
  char const *domain;
  recipients_files recipients;   /* mail 0: the spool does not deliver */
  char const *recipient_program; /* says whom there is mail for, as checkpassword; or 0 */
  int implicit_tls;
  int health; /* the connection is at an address with that label */
  unsigned int greet_delay;
  unsigned int session_time;
  unsigned int plugin_timeout;
  session_config config;
};

/* Dies of bad usage; prints help and exits if asked. */
extern void options_read(options *o, int argc, char const *const *argv);
/* What the environment says of the client (UCSPI), and of him alone. Dies of what the options lack for him. */
extern void options_client(options *o);

#endif

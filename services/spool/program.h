#ifndef SERVICES_SPOOL_PROGRAM_H
#define SERVICES_SPOOL_PROGRAM_H

#include "deliver-internal.h"

#define PROGRAM_SECONDS 60 /* then it is killed, and tried again later */

/*
 * Runs the command behind the `|` of target with the message as its input, as qmail-command(8) has it: /bin/sh, SENDER, RECIPIENT,
 * LOCAL and HOST; its exit code says whether the recipient has the message, must wait, or is refused. What it prints goes to the log.
 */
extern void program_run(batch *b, job *j, recipient const *r, char const *target);

#endif

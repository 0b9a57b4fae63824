#ifndef SERVICES_SMTPD_HEALTH_H
#define SERVICES_SMTPD_HEALTH_H

#include "options.h"

/*
 * What a balancer's health check is told, at an address with the label `health`: 220, or 421 as long as the machine is
 * overloaded; then HELO, NOOP and QUIT, and no mail. Returns the exit code.
 */
extern int health_serve(options const *o, char const *me);

#endif

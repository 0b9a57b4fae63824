#ifndef SERVICES_SMTPD_LISTEN_H
#define SERVICES_SMTPD_LISTEN_H

/*
 * smtpd --listen: the server itself, with tcplisten's command line. A session is a fork of this process, which has read
 * what all of them need and reads nothing from anybody. argv[0] is --listen. Returns the exit status.
 */
extern int listen_main(int argc, char const *const *argv);

#endif

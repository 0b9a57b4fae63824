#ifndef RUNLIB_AUTHCLIENT_H
#define RUNLIB_AUTHCLIENT_H

/*
 * Asks whether a name and a password go together, with a program of the checkpassword interface
 * (https://cr.yp.to/checkpwd/interface.html): `user NUL password NUL timestamp NUL`, 512 bytes at most,
 * on descriptor 3. The timestamp is empty.
 */

enum
{
  AUTH_GOOD = 0,
  AUTH_REFUSED = 1,    /* also for what no checkpassword program can be asked: empty or too long */
  AUTH_TEMPORARY = 111 /* nobody knows: no service, no answer in time, a broken program; errno tells */
};

#define AUTH_REQUEST_MAX 512

/*
 * Asks the service `auth` on its unix socket: sends the request, shuts its side down, and reads the
 * program's exit code in decimal and a newline. Takes timeout_ms milliseconds at the very most.
 */
extern int auth_check(char const *socket, char const *user, char const *password, unsigned int timeout_ms);

/*
 * Runs argv (the checkpassword program and, after its arguments, the program that it runs on success,
 * such as `true`) with the request on descriptor 3, descriptor 0 empty and 1 the same as 2. The program
 * is found through PATH. It gets a process group of its own, which is killed after timeout_ms milliseconds.
 * The caller must not reap children of other pids' business (waitpid -1) while this runs.
 */
extern int auth_run(char const *const *argv, char const *user, char const *password, unsigned int timeout_ms);

#endif

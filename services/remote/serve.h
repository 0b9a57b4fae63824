#ifndef SERVICES_REMOTE_SERVE_H
#define SERVICES_REMOTE_SERVE_H

/*
 * Serves the unix socket that descriptor 0 listens on: a process forked for each connection, at most most of them at a
 * time. Returns in such a process alone, with the connection as descriptors 0 and 1. Writes a newline to descriptor 1 once
 * it serves. What this process has prepared, none of them prepares again: OpenSSL's start is most of what a delivery costs.
 */
extern void serve(unsigned int most);

#endif

#ifndef TLS_CHECK_INTERNAL_H
#define TLS_CHECK_INTERNAL_H

/*
 * `tlsd --check`: says on stdout everything about the files that config (a file, or - for stdin) names, a
 * line each; errors begin with `error: `, warnings with `warning: `. Returns the exit status.
 */
extern int check_config(char const *config);

#endif

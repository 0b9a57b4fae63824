#ifndef TLS_TITLE_INTERNAL_H
#define TLS_TITLE_INTERNAL_H

/* For ps: which of tlsd's processes this is. */

/* Remembers where the arguments lie. They are lost afterwards: copy what is still needed. */
extern void psname_init(int argc, char const *const *argv);
/* Shows `tlsd: WHAT FOR`, cut to the room there is. */
extern void psname_set(char const *what, char const *whom);

#endif

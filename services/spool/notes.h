#ifndef SERVICES_SPOOL_NOTES_H
#define SERVICES_SPOOL_NOTES_H

#include <stdint.h>

#include <skalibs/stralloc.h>

/*
 * What happened to a message on its way out: a file of its name in SPOOL/notes, with a line an event,
 *
 *   SECONDS LETTER <address> TEXT
 *
 * since 1970; for LETTER see below. It is what bounces and `mailctl queue show` tell, and goes with the message.
 */
#define NOTE_DEFERRED 's'
#define NOTE_FAILED   'h'
#define NOTE_TAKEN    'r'    /* the address is a target that has it: a mailbox of LMTP, or a program */
#define NOTE_WARNED   'w'    /* the sender knows that it takes long; no address */
#define NOTES_MAX     65536U /* bytes, after which only failures are noted */

/* Appends text as one line, without its end: what is not printable is `?`. Returns 0, or -1 and ENOMEM. */
extern int note_text(stralloc *sa, char const *text);
/* Appends one to what is to be written. Returns 0, or -1 and ENOMEM. */
extern int note_add(stralloc *sa, uint64_t seconds, char letter, char const *address, char const *text);
/* Appends them to the file in the directory `notes`; sync: on disk. Returns 0, or -1 and errno. */
extern int notes_write(int notes, char const *name, stralloc const *sa, int sync);
/* Reads the file, with a NUL at the end; it may be missing. Returns 0, or -1 and errno. */
extern int notes_read(int notes, char const *name, stralloc *sa);

/* Calls f for the address of each note of that letter in a file's content, which ends in a NUL. */
extern void note_each(char const *notes, char letter, void (*f)(void *data, char const *address), void *data);

/*
 * The last text of that letter and address in a file's content, which ends in a NUL. Returns its length, and 0 where there
 * is none.
 */
extern size_t note_find(char const *notes, char letter, char const *address, char const **text);

#endif

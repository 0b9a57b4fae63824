#ifndef RUNLIB_ENTRIES_H
#define RUNLIB_ENTRIES_H

#include <stddef.h>

#include <skalibs/stralloc.h>

/*
 * Edits of plain text that people edit too; what is not meant stays as it is, comments (`#`) and all. Pure.
 *
 * An entry is a line `name: word, word`, and lines after it that begin with a blank go on with it: the alias file, and
 * control/senders. Names and words compare without case. All return -1 where memory is short.
 */

/* Appends to out the text with these words in name's entry, which is added where there is none. Returns how many are new. */
extern int entries_add(stralloc *out, char const *text, size_t len, char const *name,
                       char const *const *words);
/*
 * Appends to out the text without this word in the entry of name, or, name 0, in any; an entry that is left with no word is
 * removed, as is one of which word 0 means all. Returns how many words and entries are gone.
 */
extern int entries_remove(stralloc *out, char const *text, size_t len, char const *name, char const *word);
/* Calls f for each word of name's entry, or, name 0, of all; until it returns other than 0, which is returned. */
typedef int entries_word(void *data, char const *name, size_t namelen, char const *word, size_t len);
extern int entries_each(char const *text, size_t len, char const *name, entries_word *f, void *data);

/* The same for a list, a word a line: adds it, 1, or finds it there, 0. */
extern int entries_list_add(stralloc *out, char const *text, size_t len, char const *word);
/* Without the lines that are this word. Returns how many there were. */
extern int entries_list_remove(stralloc *out, char const *text, size_t len, char const *word);

#endif

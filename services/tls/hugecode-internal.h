#ifndef TLS_TEXT_INTERNAL_H
#define TLS_TEXT_INTERNAL_H

/*
 * Copies the code of large libraries, which is libcrypto alone, into pages of 2 MB, and puts these where it was. A
 * forked process inherits them, where it would otherwise have to map small pages of the file anew: half of its page
 * faults. Smaller libraries stay: measured, their many small pages cost each fork more than the faults do. Where
 * there can be no such pages, or no new code, all stays as it was.
 */
extern void code_in_huge_pages(void);

#endif

#ifndef SERVICES_POLICY_LIST_H
#define SERVICES_POLICY_LIST_H

#include <stddef.h>

#include <skalibs/genalloc.h>
#include <skalibs/stralloc.h>

/*
 * Lists of addresses, of host names and of mail addresses: entries, and files of entries that are read again
 * when they change. A file has a line an entry, as spamdyke's do; `#` begins a comment.
 *
 *   address    1.2.3.4, 1.2.3.0/24, 1.2.3. (all of 1.2.3.0/24), 2001:db8::/32
 *   name       mail.example.org, and .example.org for all names below it
 *   mail       joe@example.org, or @example.org for all of it and of what is below it
 */

#define LIST_FILE_MAX (16u << 20)

typedef enum list_kind_e
{
  LIST_ADDRESS,
  LIST_RDNS,
  LIST_SENDER,
  LIST_RECIPIENT,
  LIST_KINDS
} list_kind;

typedef struct list_s list;
struct list_s
{
  list_kind kind;
  genalloc sources; /* of source; the first is what is not in files */
};

/* Adds an entry, or the file that value names by its absolute path. Returns 0 or what is wrong (static). */
extern char const *list_add(list *l, char const *value);
/* Reads the files that have changed. Logs what is wrong with them, and goes on with what it had. */
extern void list_refresh(list *l);
/* ip: 16 bytes, an IPv4 address as ::ffff:0:0/96 */
extern int list_has_address(list const *l, unsigned char const *ip);
extern int list_has_name(list const *l, char const *name);
extern int list_has_mail(list const *l, char const *address);
extern void list_free(list *l);

#endif

#ifndef SERVICES_REMOTE_MX_H
#define SERVICES_REMOTE_MX_H

#include <stdint.h>

#include <services/remote/dns.h>

/* The mail exchangers of a domain and their addresses, in the order in which they are tried (RFC 5321, 5.1). */

#define MX_HOSTS     16 /* exchangers whose addresses are asked for */
#define MX_ADDRESSES 10 /* that are tried, at most */

typedef struct exchanger_s exchanger;
struct exchanger_s
{
  unsigned int preference;
  uint32_t chance; /* orders those of one preference */
  int secure;      /* its name was validated, or given by the administrator */
  char name[DNS_NAME];
  dns_answer a, aaaa, tlsa;
};

typedef struct target_s target;
struct target_s
{
  exchanger const *host;
  uint32_t chance; /* orders the addresses of one host */
  uint8_t family;  /* 4 or 6 */
  uint8_t ip[16];
};

typedef enum mx_state_e
{
  MX_FOUND,
  MX_LATER, /* the DNS could not tell */
  MX_NONE,  /* no such domain, or it takes no mail at all */
  MX_LOOP   /* the domain's mail is to come to this machine */
} mx_state;

typedef struct mx_list_s mx_list;
struct mx_list_s
{
  unsigned int hosts;
  unsigned int n;
  exchanger host[MX_HOSTS];
  target target[MX_ADDRESSES];
  char const *why; /* when it is not MX_FOUND: with a status code in `(#)`; static */
};

/* Asks the kernel for this machine's addresses. */
extern void mx_init(void);
/* The exchangers of domain, which may be an address in `[]`. The list is all zero before. me: this machine's own name. */
extern mx_state mx_find(mx_list *l, char const *domain, char const *me);
/* A relay that the administrator names: a host, whose MX records do not matter, or an address in `[]`. */
extern mx_state mx_relay(mx_list *l, char const *relay, unsigned int port);

/* Pure. Sorts the hosts that the answer has, the most preferred first; returns their number. */
extern unsigned int mx_read(mx_list *l, dns_answer const *a, uint32_t (*chance)(void));
/*
 * Pure. Fills in the targets from the hosts' addresses. own tells whether an address (4 or 16 bytes) is this machine's:
 * a host that has one, or is called me, is left out with all that are no more preferred (RFC 5321, 5.1); own 0: none is.
 */
extern mx_state mx_order(mx_list *l, char const *me, int (*own)(uint8_t const *ip, unsigned int len),
                         uint32_t (*chance)(void));

#endif

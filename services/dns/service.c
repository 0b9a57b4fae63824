#include <services/contract/service.h>

/* [dns]: what `mailctl dns` makes records of, beside what the other sections say. It makes no service. */

static key const keys[] = {
    {.name = "domain",
     .type = KEY_TEXT,
     .repeat = 1,
     .help = "a domain whose mail comes here; without it, those of control/rcpthosts"},
    {.name = "address",
     .type = KEY_TEXT,
     .repeat = 1,
     .help = "an address of the host, as the world sees it; without it, the IPv4 addresses of this machine "
             "that the world can reach"},
    {.name = "spf",
     .type = KEY_TEXT,
     .fallback = "v=spf1 mx -all",
     .help = "who may send mail as the domains: what sends through a relay must name it"},
    {.name = "dmarc",
     .type = KEY_TEXT,
     .fallback = "v=DMARC1; p=quarantine",
     .help = "what becomes of mail that is not from here, and looks so"},
    {.name = "mta-sts",
     .type = KEY_CHOICE,
     .fallback = "no",
     .choices = "no|testing|enforce",
     .help =
         "whether to tell senders to insist on TLS; `mailctl dns` says what a web server must have for it"},
    {.name = "caa",
     .type = KEY_TEXT,
     .fallback = "letsencrypt.org",
     .help = "who may issue certificates for the domains and the host"},
    {.name = "check",
     .type = KEY_BOOL,
     .fallback = "yes",
     .help = "whether `mailctl check` asks the DNS, too"},
    {.name = "resolver",
     .type = KEY_TEXT,
     .help = "the servers of the DNS that are asked, ADDRESS:PORT, ...; without it, those of "
             "/etc/resolv.conf. Ask one that does not keep old answers after a change"},
    {.name = 0}};

service_kind const dns_kinds[] = {
    {.section = {.name = "dns", .help = "What the world's DNS is to say of this server", .keys = keys}},
    {.section = {.name = 0}}};

#include <stdio.h>
#include <string.h>

#include <runlib/address.h>

#include <services/contract/service.h>

#include "dovecot.h"

/* --- what both read ---------------------------------------------------------------------------------- */

static int put_begin(stralloc *sa, dovecot const *d)
{
  if (service_append(
          sa,
          "# Written by mailctl from [imap]. What is missing there goes into the file of `include`.\n"
          "protocols = imap%s%s\n"
          "base_dir = %s\n"
          "state_dir = %s\n"
          "instance_name = mailctl\n"
          "log_path = /dev/stderr\n"
          "first_valid_uid = 1\n"
          "!include_try %s/mail.conf\n",
          d->pop3 ? " pop3" : "", d->lmtp ? " lmtp" : "", d->directory, d->directory, d->directory) < 0)
    return -1;
  if (d->root) return service_append(sa, "default_internal_user = dovecot\ndefault_login_user = dovenull\n");
  /* One user for all, in mail.conf, who cannot change the root directory. */
  return service_append(sa, "service anvil {\n  chroot =\n}\nservice stats {\n  chroot =\n}\n");
}

/* A listener for each address; those that Dovecot has by default are off. */
static int put_listeners(stralloc *sa, dovecot const *d, char const *protocol, char const *list, int v23)
{
  char const *word;
  char text[ADDRESS_FMT];
  size_t n;
  unsigned int i = 0;

  if (service_append(sa,
                     "service %s-login {\n%s"
                     "  inet_listener %s {\n    port = 0\n  }\n  inet_listener %ss {\n    port = 0\n  }\n",
                     protocol, d->root ? "" : "  chroot =\n", protocol, protocol) < 0)
    return -1;
  while (list && (n = list_word(&list, &word)))
  {
    address a;
    char *port;
    int secure;
    if (n >= sizeof text) continue;
    memcpy(text, word, n);
    text[n] = 0;
    if (address_scan(text, &a)) continue;
    secure = !strcmp(a.label, "tls");
    if (secure && !d->certificates) continue; /* the default has one, of no use without a certificate */
    a.label[0] = 0;
    address_fmt(text, &a);
    port = strrchr(text, ':');
    *port++ = 0;
    if (service_append(sa, "  inet_listener mailctl%u {\n    %s = %s\n    port = %s\n%s  }\n", i++,
                       v23 ? "address" : "listen",
                       *text == '[' ? (text[strlen(text) - 1] = 0, text + 1) : text, port,
                       secure ? "    ssl = yes\n" : "") < 0)
      return -1;
  }
  return service_append(sa, "}\n");
}

static int put_services(stralloc *sa, dovecot const *d, int v23)
{
  if (put_listeners(sa, d, "imap", d->imap, v23) < 0 ||
      (d->pop3 && put_listeners(sa, d, "pop3", d->pop3, v23) < 0))
    return -1;
  if (d->auth_user && service_append(sa, "service auth {\n  user = %s\n}\n", d->auth_user) < 0) return -1;
  if (!d->lmtp) return 0;
  return service_append(sa, "service lmtp {\n  unix_listener lmtp {\n    mode = 0600\n%s%s%s  }\n}\n",
                        d->owner ? "    user = " : "", d->owner ? d->owner : "", d->owner ? "\n" : "");
}

/* The directories of RFC 6154 that mail programs look for. */
static int put_mailboxes(stralloc *sa)
{
  static char const *const names[] = {"Drafts", "Sent", "Junk", "Trash", "Archive"};

  if (service_append(sa, "namespace inbox {\n  inbox = yes\n") < 0) return -1;
  for (unsigned int i = 0; i < sizeof names / sizeof names[0]; i++)
    if (service_append(sa, "  mailbox %s {\n    special_use = \\%s\n    auto = subscribe\n  }\n", names[i],
                       names[i]) < 0)
      return -1;
  return service_append(sa, "}\n");
}

static int put_end(stralloc *sa, dovecot const *d)
{
  return d->include ? service_append(sa, "!include %s\n", d->include) : 0;
}

/* --- 2.3 ------------------------------------------------------------------------------------------- */

static int put_tls_2_3(stralloc *sa, dovecot const *d)
{
  static char const *const prefix[] = {"", "alt_"};

  if (!d->certificates) return service_append(sa, "ssl = no\n");
  if (service_append(sa, "ssl = yes\n") < 0) return -1;
  for (unsigned int i = 0; i < d->certificates; i++)
    if (service_append(sa, "ssl_%scert = <%s\nssl_%skey = <%s\n", prefix[i], d->certificate[i], prefix[i],
                       d->key[i]) < 0)
      return -1;
  return 0;
}

static int put_quota_2_3(stralloc *sa, dovecot const *d)
{
  if (service_append(sa, "plugin {\n  quota = maildir:User quota\n") < 0) return -1;
  if (d->quota && service_append(sa, "  quota_rule = *:storage=%llub\n", (unsigned long long)d->quota) < 0)
    return -1;
  return service_append(sa,
                        "}\nprotocol imap {\n  mail_plugins = quota imap_quota\n}\n"
                        "protocol pop3 {\n  mail_plugins = quota\n}\n"
                        "protocol lmtp {\n  mail_plugins = quota%s\n}\n",
                        d->sieve ? " sieve" : "");
}

int dovecot_2_3(stralloc *sa, dovecot const *d)
{
  /* userdb_ fields come from the file of users (prefetch); LMTP, which has no password, reads it again;
   * there, who has no such fields is nobody, and static's. */
  if (put_begin(sa, d) < 0 || put_tls_2_3(sa, d) < 0 ||
      service_append(sa,
                     "mail_location = maildir:~\n"
                     "disable_plaintext_auth = yes\n"
                     "auth_mechanisms = plain login\n"
                     "auth_username_format = %%Ln\n"
                     "passdb {\n  driver = passwd-file\n  args = scheme=CRYPT %s\n"
                     "  default_fields = userdb_home=%s/%%n\n}\n"
                     "userdb {\n  driver = prefetch\n}\n"
                     "userdb {\n  driver = passwd-file\n  args = username_format=%%Ln %s\n"
                     "  override_fields = home=%s/%%n\n}\n"
                     "userdb {\n  driver = static\n  args = home=%s/%%n\n}\n",
                     d->users, d->mail, d->users, d->mail, d->mail) < 0)
    return -1;
  return put_quota_2_3(sa, d) < 0 || put_services(sa, d, 1) < 0 || put_mailboxes(sa) < 0 ? -1
                                                                                         : put_end(sa, d);
}

/* --- 2.4 ------------------------------------------------------------------------------------------- */

static int put_tls_2_4(stralloc *sa, dovecot const *d)
{
  static char const *const prefix[] = {"", "alt_"};

  if (!d->certificates) return service_append(sa, "ssl = no\n");
  if (service_append(sa, "ssl = yes\n") < 0) return -1;
  for (unsigned int i = 0; i < d->certificates; i++)
    if (service_append(sa, "ssl_server_%scert_file = %s\nssl_server_%skey_file = %s\n", prefix[i],
                       d->certificate[i], prefix[i], d->key[i]) < 0)
      return -1;
  return 0;
}

static int put_quota_2_4(stralloc *sa, dovecot const *d)
{
  char size[32] = "0";

  if (d->quota) snprintf(size, sizeof size, "%llu", (unsigned long long)d->quota);
  return service_append(sa,
                        "quota \"User quota\" {\n  driver = maildir\n  quota_storage_size = %s%s\n}\n"
                        "protocol imap {\n  mail_plugins = quota imap_quota\n}\n"
                        "protocol pop3 {\n  mail_plugins = quota\n}\n"
                        "protocol lmtp {\n  mail_plugins = quota%s\n}\n",
                        size, d->quota ? "B" : "", d->sieve ? " sieve" : "");
}

int dovecot_2_4(stralloc *sa, dovecot const *d)
{
  if (service_append(sa, "dovecot_config_version = 2.4.0\ndovecot_storage_version = 2.4.0\n") < 0 ||
      put_begin(sa, d) < 0 || put_tls_2_4(sa, d) < 0 ||
      service_append(sa,
                     "mail_driver = maildir\n"
                     "mail_path = ~\n"
                     "auth_allow_cleartext = no\n"
                     "auth_mechanisms = plain login\n"
                     "auth_username_format = %%{user | username | lower}\n"
                     "passdb passwd-file {\n  passwd_file_path = %s\n  default_password_scheme = CRYPT\n"
                     "  fields {\n    userdb_home = %s/%%{user | username}\n  }\n}\n"
                     "userdb prefetch {\n}\n"
                     "userdb passwd-file {\n  passwd_file_path = %s\n  fields {\n    home = %s/%%{user | "
                     "username}\n  }\n}\n"
                     "userdb static {\n  fields {\n    home = %s/%%{user | username}\n  }\n}\n",
                     d->users, d->mail, d->users, d->mail, d->mail) < 0)
    return -1;
  return put_quota_2_4(sa, d) < 0 || put_services(sa, d, 0) < 0 || put_mailboxes(sa) < 0 ? -1
                                                                                         : put_end(sa, d);
}

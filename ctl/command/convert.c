#include <stdio.h>
#include <string.h>

#include <skalibs/djbunix.h>
#include <skalibs/stralloc.h>

#include <ctl/command/command.h>
#include <ctl/say.h>

/*
 * `mailctl convert spamdyke FILE`: the options of a spamdyke.conf (4.x and 5.x) as sections of mailctl.conf,
 * on standard output.
 */

typedef enum target_e
{
  POLICY, /* a line of [policy], of the same value */
  SMTPD,  /* a line of [smtpd], likewise */
  SET,    /* a line of [policy] that is `to` as it is, unless the value is no, none or 0 */
  NOTHING /* to: why */
} target;

static struct
{
  char const *option;
  target target;
  char const *to;
} const options[] = {
    {"access-file", NOTHING, "tcpserver's rules are the listener's: deny there, or block-address"},
    {"config-dir", NOTHING,
     "a configuration for each client or domain there is none; lists of allow say whom a check spares"},
    {"config-dir-search", NOTHING, "see config-dir"},
    {"config-file", NOTHING, "convert that file, too"},
    {"config-mode", NOTHING, "see config-dir"},
    {"connection-timeout-secs", SMTPD, "session-time"},
    {"dns-blacklist-entry", POLICY, "dnsbl"},
    {"dns-blacklist-file", NOTHING, "write its lines as dnsbl = NAME"},
    {"dns-level", NOTHING, "answers that are cut are asked for by TCP always"},
    {"dns-max-retries-primary", NOTHING, "timeout bounds a whole question"},
    {"dns-max-retries-total", NOTHING, "timeout bounds a whole question"},
    {"dns-query-type-a", NOTHING, "each check asks for what it needs"},
    {"dns-query-type-mx", NOTHING, "each check asks for what it needs"},
    {"dns-query-type-ptr", NOTHING, "each check asks for what it needs"},
    {"dns-query-type-rbl", NOTHING, "each check asks for what it needs"},
    {"dns-resolv-conf", NOTHING, "/etc/resolv.conf is read; another resolver is resolver = ADDRESS:PORT"},
    {"dns-server-ip", POLICY, "resolver"},
    {"dns-server-ip-primary", POLICY, "resolver"},
    {"dns-spoof", NOTHING, "forged answers are refused always"},
    {"dns-tcp", NOTHING, "answers that are cut are asked for by TCP always"},
    {"dns-timeout-secs", POLICY, "timeout"},
    {"dns-whitelist-entry", POLICY, "dnswl"},
    {"dns-whitelist-file", NOTHING, "write its lines as dnswl = NAME"},
    {"filter-level", NOTHING, "each check has its action: off, observe, greylist, tempfail or reject"},
    {"full-log-dir", NOTHING, "what clients say is not logged"},
    {"graylist-dir", NOTHING, "the store is below [bundle] state"},
    {"graylist-exception-ip-entry", POLICY, "allow-address"},
    {"graylist-exception-ip-file", POLICY, "allow-address"},
    {"graylist-exception-rdns-dir", NOTHING, "write a file, for allow-rdns"},
    {"graylist-exception-rdns-entry", POLICY, "allow-rdns"},
    {"graylist-exception-rdns-file", POLICY, "allow-rdns"},
    {"graylist-level", SET, "greylist = everybody"},
    {"graylist-max-secs", POLICY, "greylist-lifetime"},
    {"graylist-min-secs", POLICY, "greylist-delay"},
    {"greeting-delay-secs", SMTPD, "greet-delay"},
    {"header-blacklist-entry", NOTHING, "headers are for a filter or a milter"},
    {"header-blacklist-file", NOTHING, "headers are for a filter or a milter"},
    {"hostname", NOTHING, "the name is that of [bundle]"},
    {"hostname-command", NOTHING, "the name is that of [bundle]"},
    {"hostname-file", NOTHING, "the name is that of [bundle]"},
    {"idle-timeout-secs", NOTHING, "control/timeoutsmtpd"},
    {"ip-blacklist-entry", POLICY, "block-address"},
    {"ip-blacklist-file", POLICY, "block-address"},
    {"ip-in-rdns-keyword-blacklist-entry", POLICY, "keyword"},
    {"ip-in-rdns-keyword-blacklist-file", NOTHING,
     "write its lines as keyword = WORD, with rdns-keyword = reject"},
    {"ip-in-rdns-keyword-whitelist-entry", NOTHING, "allow-rdns spares names"},
    {"ip-in-rdns-keyword-whitelist-file", NOTHING, "allow-rdns spares names"},
    {"ip-whitelist-entry", POLICY, "allow-address"},
    {"ip-whitelist-file", POLICY, "allow-address"},
    {"local-domains-entry", NOTHING, "control/rcpthosts says which domains are ours"},
    {"local-domains-file", NOTHING, "control/rcpthosts says which domains are ours"},
    {"log-level", NOTHING, "each refusal is a line of the log, and so is what was observed"},
    {"log-target", NOTHING, "each service has a log of its own: mailctl log policy"},
    {"max-recipients", SMTPD, "recipients"},
    {"policy-url", NOTHING, "a list has its own text: dnsbl = NAME reply TEXT"},
    {"qmail-morercpthosts-cdb", NOTHING, "control/morercpthosts.cdb is read"},
    {"qmail-rcpthosts-file", NOTHING, "control/rcpthosts is read"},
    {"rdns-blacklist-dir", NOTHING, "write a file, for block-rdns"},
    {"rdns-blacklist-entry", POLICY, "block-rdns"},
    {"rdns-blacklist-file", POLICY, "block-rdns"},
    {"rdns-whitelist-dir", NOTHING, "write a file, for allow-rdns"},
    {"rdns-whitelist-entry", POLICY, "allow-rdns"},
    {"rdns-whitelist-file", POLICY, "allow-rdns"},
    {"recipient-blacklist-entry", POLICY, "block-recipient"},
    {"recipient-blacklist-file", POLICY, "block-recipient"},
    {"recipient-validation-command", NOTHING,
     "unknown recipients are refused by the spool's own mapping, or control/validrcptto"},
    {"recipient-whitelist-entry", POLICY, "allow-recipient"},
    {"recipient-whitelist-file", POLICY, "allow-recipient"},
    {"reject-empty-rdns", SET, "rdns-missing = reject"},
    {"reject-ip-in-cc-rdns", SET, "rdns-country = reject"},
    {"reject-missing-sender-mx", SET, "sender-unknown = reject"},
    {"reject-recipient", NOTHING, "a sender may write to himself; unqualified recipients are local ones"},
    {"reject-sender", SET, "sender-unknown = reject"},
    {"reject-unresolvable-rdns", SET, "rdns-unresolved = reject"},
    {"relay-level", NOTHING,
     "who may relay says [submission], RELAYCLIENT or control/rcpthosts; a list of allow never does"},
    {"rhs-blacklist-entry", POLICY, "rhsbl"},
    {"rhs-blacklist-file", NOTHING, "write its lines as rhsbl = NAME"},
    {"rhs-whitelist-entry", NOTHING, "there is no such list: allow-sender, or a dnswl of addresses"},
    {"rhs-whitelist-file", NOTHING, "there is no such list: allow-sender, or a dnswl of addresses"},
    {"run-as-user", NOTHING, "user, in [policy] and in [smtpd]"},
    {"sender-blacklist-entry", POLICY, "block-sender"},
    {"sender-blacklist-file", POLICY, "block-sender"},
    {"sender-whitelist-entry", POLICY, "allow-sender"},
    {"sender-whitelist-file", POLICY, "allow-sender"},
    {"smtp-auth-command", NOTHING, "[auth] checks passwords"},
    {"smtp-auth-level", NOTHING, "auth, in [smtpd]; [submission] has it always"},
    {"tls-certificate-file", NOTHING, "[tls] certificate"},
    {"tls-cipher-list", NOTHING, "[tls] has modern ones"},
    {"tls-dhparams-file", NOTHING, "no parameters of one's own are needed"},
    {"tls-level", NOTHING, "starttls, in [smtpd]"},
    {"tls-privatekey-file", NOTHING, "[tls] key"},
    {"tls-privatekey-password", NOTHING, "a key without a password, which tls alone can read"},
    {"tls-privatekey-password-file", NOTHING, "a key without a password, which tls alone can read"},
};

typedef struct conversion_s conversion;
struct conversion_s
{
  stralloc policy, smtpd, lost;
};

static int convert_line(stralloc *sa, char const *name, char const *value)
{
  return stralloc_cats(sa, name) && stralloc_cats(sa, " = ") && stralloc_cats(sa, value) &&
                 stralloc_cats(sa, "\n")
             ? 0
             : -1;
}

static int convert_has(stralloc const *sa, char const *text)
{
  return sa->len && memmem(sa->s, sa->len, text, strlen(text));
}

/* A line as it is, unless it is there. */
static int convert_once(stralloc *sa, char const *line)
{
  return convert_has(sa, line) || (stralloc_cats(sa, line) && stralloc_cats(sa, "\n")) ? 0 : -1;
}

static int convert_lost(conversion *c, char const *option, char const *value, char const *why)
{
  stralloc *sa = &c->lost;

  if (!stralloc_cats(sa, "# ") || !stralloc_cats(sa, option)) return -1;
  if (*value && (!stralloc_cats(sa, " = ") || !stralloc_cats(sa, value))) return -1;
  return stralloc_cats(sa, ": ") && stralloc_cats(sa, why) && stralloc_cats(sa, "\n") ? 0 : -1;
}

static int convert_resolver(conversion *c, char const *option, char const *value)
{
  stralloc text = STRALLOC_ZERO;
  int ok;

  if (convert_has(&c->policy, "resolver = "))
    return convert_lost(c, option, value, "resolver takes several, between commas");
  ok = stralloc_cats(&text, value) && (strchr(value, ':') || stralloc_cats(&text, ":53")) &&
       stralloc_0(&text) && convert_line(&c->policy, "resolver", text.s) == 0;
  stralloc_free(&text);
  return ok ? 0 : -1;
}

static int convert_policy(conversion *c, char const *option, char const *to, char const *value)
{
  size_t n = strlen(option);

  if (!strcmp(to, "resolver")) return convert_resolver(c, option, value);
  /* Its relative names count from where spamdyke was started, which nobody knows any more. */
  if (n > 5 && !strcmp(option + n - 5, "-file") && *value != '/')
    return convert_lost(c, option, value, "write the file's absolute name");
  if (!strcmp(to, "keyword") && convert_once(&c->policy, "rdns-keyword = reject") < 0) return -1;
  return convert_line(&c->policy, to, value);
}

static int convert_is_no(char const *value)
{
  return !strcmp(value, "no") || !strcmp(value, "none") || !strcmp(value, "0") || !strcmp(value, "false");
}

static int convert_option(conversion *c, char const *option, char const *value)
{
  for (unsigned int i = 0; i < sizeof options / sizeof options[0]; i++)
  {
    if (strcmp(options[i].option, option)) continue;
    switch (options[i].target)
    {
      case POLICY: return convert_policy(c, option, options[i].to, value);
      case SMTPD: return convert_line(&c->smtpd, options[i].to, value);
      case SET:
        if (!strcmp(option, "reject-sender") && !strstr(value, "no-mx") && !convert_is_no(value))
          return convert_lost(c, option, value, "of these only no-mx has a counterpart, sender-unknown");
        return convert_is_no(value) ? 0 : convert_once(&c->policy, options[i].to);
      case NOTHING: return convert_lost(c, option, value, options[i].to);
    }
  }
  return convert_lost(c, option, value, "no option of spamdyke 4 or 5 that is known here");
}

/* Lines of `option` or `option=value`; `#` begins a comment. */
static int convert_text(conversion *c, char *s)
{
  for (char *next; *s; s = next)
  {
    size_t n = strcspn(s, "\n"), len;
    char const *value = "";
    char *equal;
    next = s + n + (s[n] == '\n');
    s[n] = 0;
    s[strcspn(s, "#")] = 0;
    s += strspn(s, " \t\r");
    for (len = strlen(s); len && strchr(" \t\r", s[len - 1]);) s[--len] = 0;
    if (!*s) continue;
    equal = strchr(s, '=');
    if (equal)
    {
      value = equal + 1 + strspn(equal + 1, " \t");
      for (*equal = 0, len = strlen(s); len && strchr(" \t", s[len - 1]);) s[--len] = 0;
    }
    if (convert_option(c, s, value) < 0) return -1;
  }
  return 0;
}

static void convert_print(char const *title, stralloc const *sa)
{
  if (sa->len) printf("%s\n%.*s\n", title, (int)sa->len, sa->s);
}

int command_convert(context const *cx, int argc, char const *const *argv)
{
  conversion c = {.policy = STRALLOC_ZERO, .smtpd = STRALLOC_ZERO, .lost = STRALLOC_ZERO};
  stralloc text = STRALLOC_ZERO;
  int status = EXIT_SYSTEM;

  (void)cx;
  if (argc != 3 || strcmp(argv[1], "spamdyke"))
    return usage_error(argv[0], "spamdyke, and the name of a spamdyke.conf");
  if (!openslurpclose(&text, argv[2]) || !stralloc_0(&text))
    say_cannot("read ", argv[2]);
  else if (convert_text(&c, text.s) < 0)
    say_cannot("convert ", argv[2]);
  else
  {
    convert_print("# Add these to the sections of the same name.\n[policy]", &c.policy);
    convert_print("[smtpd]", &c.smtpd);
    convert_print("# What has no counterpart:", &c.lost);
    status = fflush(stdout) ? EXIT_SYSTEM : 0;
  }
  stralloc_free(&text);
  stralloc_free(&c.policy);
  stralloc_free(&c.smtpd);
  stralloc_free(&c.lost);
  return status;
}

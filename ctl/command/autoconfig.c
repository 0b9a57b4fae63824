#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <runlib/address.h>
#include <runlib/linefile.h>
#include <runlib/siphash.h>

#include <ctl/command/people.h>
#include <ctl/say.h>

/*
 * What a mail program must know to read and send, as files for a web server: Thunderbird's config-v1.1.xml, and a profile of
 * Apple's, for each domain. Both ask people for name and password.
 */

typedef struct way_s way;
struct way_s
{
  unsigned int port;
  int tls; /* from the first byte; else STARTTLS */
};

typedef struct account_s account;
struct account_s
{
  char const *domain;
  char const *host;
  way imap;
  way smtp;
};

/* Of a list of addresses, the first with TLS from the first byte, else the first. Returns whether there is one. */
static int find_way(section const *s, way *w)
{
  char const *list = s ? section_text(s, "listen") : 0, *word, *port;
  char text[ADDRESS_FMT];
  address a;
  size_t n;

  w->port = 0;
  while (list && (n = list_word(&list, &word)) && !w->tls)
  {
    if (n >= sizeof text) continue;
    memcpy(text, word, n);
    text[n] = 0;
    if (address_scan(text, &a)) continue;
    if (w->port && strcmp(a.label, "tls")) continue;
    w->tls = !strcmp(a.label, "tls");
    a.label[0] = 0;
    address_fmt(text, &a);
    port = strrchr(text, ':');
    if (!port || sscanf(port + 1, "%u", &w->port) != 1) w->port = 0;
  }
  return w->port != 0;
}

/* --- Thunderbird ---------------------------------------------------------------------------------------- */

static int put_server(stralloc *sa, account const *c, char const *direction, char const *type, way const *w)
{
  return service_append(sa,
                        "    <%sServer type=\"%s\">\n"
                        "      <hostname>%s</hostname>\n"
                        "      <port>%u</port>\n"
                        "      <socketType>%s</socketType>\n"
                        "      <authentication>password-cleartext</authentication>\n"
                        "      <username>%%EMAILLOCALPART%%</username>\n"
                        "    </%sServer>\n",
                        direction, type, c->host, w->port, w->tls ? "SSL" : "STARTTLS", direction);
}

static int put_thunderbird(stralloc *sa, account const *c)
{
  if (service_append(sa,
                     "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                     "<clientConfig version=\"1.1\">\n"
                     "  <emailProvider id=\"%s\">\n"
                     "    <domain>%s</domain>\n"
                     "    <displayName>%s</displayName>\n"
                     "    <displayShortName>%s</displayShortName>\n",
                     c->domain, c->domain, c->domain, c->domain) < 0 ||
      put_server(sa, c, "incoming", "imap", &c->imap) < 0 ||
      put_server(sa, c, "outgoing", "smtp", &c->smtp) < 0)
    return -1;
  return service_append(sa, "  </emailProvider>\n</clientConfig>\n");
}

/* --- Apple ---------------------------------------------------------------------------------------------- */

/* The same for a domain each time, so that a new profile takes the place of the old. */
static void put_uuid(char s[37], char const *domain, unsigned int which)
{
  static unsigned char const seed[SIPHASH_KEY] = "autoconfig";
  uint64_t a = siphash13(seed, which, domain, strlen(domain)),
           b = siphash13(seed, which + 2, domain, strlen(domain));

  snprintf(s, 37, "%08X-%04X-4%03X-8%03X-%012llX", (unsigned int)(a >> 32), (unsigned int)(a >> 16 & 0xffff),
           (unsigned int)(a & 0xfff), (unsigned int)(b >> 52), (unsigned long long)(b & 0xffffffffffff));
}

static int put_way(stralloc *sa, account const *c, char const *direction, way const *w)
{
  return service_append(sa,
                        "      <key>%sMailServerHostName</key><string>%s</string>\n"
                        "      <key>%sMailServerPortNumber</key><integer>%u</integer>\n"
                        "      <key>%sMailServerUseSSL</key><true/>\n"
                        "      <key>%sMailServerAuthentication</key><string>EmailAuthPassword</string>\n",
                        direction, c->host, direction, w->port, direction, direction);
}

static int put_apple(stralloc *sa, account const *c)
{
  char account_id[37], profile[37];

  put_uuid(account_id, c->domain, 0);
  put_uuid(profile, c->domain, 1);
  if (service_append(sa,
                     "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                     "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
                     "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
                     "<plist version=\"1.0\">\n<dict>\n"
                     "  <key>PayloadContent</key>\n  <array>\n    <dict>\n"
                     "      <key>PayloadType</key><string>com.apple.mail.managed</string>\n"
                     "      <key>PayloadVersion</key><integer>1</integer>\n"
                     "      <key>PayloadIdentifier</key><string>mailctl.%s.account</string>\n"
                     "      <key>PayloadUUID</key><string>%s</string>\n"
                     "      <key>PayloadDisplayName</key><string>%s</string>\n"
                     "      <key>EmailAccountDescription</key><string>%s</string>\n"
                     "      <key>EmailAccountType</key><string>EmailTypeIMAP</string>\n",
                     c->domain, account_id, c->domain, c->domain) < 0 ||
      put_way(sa, c, "Incoming", &c->imap) < 0 || put_way(sa, c, "Outgoing", &c->smtp) < 0)
    return -1;
  return service_append(sa,
                        "      <key>OutgoingPasswordSameAsIncomingPassword</key><true/>\n"
                        "    </dict>\n  </array>\n"
                        "  <key>PayloadType</key><string>Configuration</string>\n"
                        "  <key>PayloadVersion</key><integer>1</integer>\n"
                        "  <key>PayloadIdentifier</key><string>mailctl.%s</string>\n"
                        "  <key>PayloadUUID</key><string>%s</string>\n"
                        "  <key>PayloadDisplayName</key><string>Mail of %s</string>\n"
                        "</dict>\n</plist>\n",
                        c->domain, profile, c->domain);
}

/* --- files ---------------------------------------------------------------------------------------------- */

static int as_it_is(stralloc *out, char const *text, size_t len, void *data)
{
  stralloc const *sa = data;

  if (len == sa->len && !memcmp(text, sa->s, len)) return 0;
  return stralloc_catb(out, sa->s, sa->len) ? 1 : -1;
}

static int write_file(char const *directory, account const *c, char const *name,
                      int (*put)(stralloc *, account const *))
{
  stralloc path = STRALLOC_ZERO, text = STRALLOC_ZERO;
  linefile const l = {.edit = &as_it_is, .data = &text, .uid = (uid_t)-1, .gid = (gid_t)-1, .mode = 0644};
  int result = -1;

  /* The web server must come in. */
  if (service_append(&path, "%s/%s", directory, c->domain) == 0 && stralloc_0(&path) &&
      (mkdir(path.s, 0755) == 0 || errno == EEXIST) &&
      (path.len--, service_append(&path, "/%s", name) == 0) && stralloc_0(&path) && put(&text, c) == 0)
    result = linefile_update(path.s, &l);
  if (result < 0)
    say_cannot("write ", path.s ? path.s : name);
  else
    puts(path.s);
  stralloc_free(&path);
  stralloc_free(&text);
  return result < 0 ? EXIT_SYSTEM : 0;
}

/* A name of a file, and a word in XML. */
static int is_plain(char const *domain)
{
  return *domain && *domain != '.' && !domain[strspn(domain, "abcdefghijklmnopqrstuvwxyz0123456789-.")];
}

static int write_all(people *p, account *c, char const *directory)
{
  size_t const *place = genalloc_s(size_t, &p->map.domains);
  int status = 0;

  for (size_t i = 0; i < genalloc_len(size_t, &p->map.domains) && !status; i++)
  {
    size_t k = 0;
    c->domain = p->map.text.s + place[i];
    while (k < i && strcmp(p->map.text.s + place[k], c->domain)) k++;
    if (k < i || !is_plain(c->domain)) continue;
    status = write_file(directory, c, "config-v1.1.xml", &put_thunderbird);
    if (!status) status = write_file(directory, c, "mail.mobileconfig", &put_apple);
  }
  return status;
}

int command_autoconfig(context const *cx, int argc, char const *const *argv)
{
  account c = {.domain = 0};
  people p;
  int status;

  if (argc != 2 || argv[1][0] == '-')
    return usage_error(argv[0], "where to? one DIR, which a web server serves");
  status = people_load(&p, cx, argv[0]);
  c.host = p.w.b.hostname;
  if (!status && (!find_way(bundle_section(&p.w.b, "imap"), &c.imap) ||
                  !find_way(bundle_section(&p.w.b, "submission"), &c.smtp)))
  {
    say("autoconfig: there is nothing to tell: it takes [imap] and [submission]");
    status = EXIT_CONF;
  }
  if (!status) status = write_all(&p, &c, argv[1]);
  people_free(&p);
  return status;
}

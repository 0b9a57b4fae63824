#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/genalloc.h>

#include <services/contract/bundle.h>
#include <services/contract/kinds.h>

#include <ctl/conf/conf.h>
#include <ctl/conf/suggest.h>

#include "directory.h"
#include "unit.h"

/* --- a small family of services, so that the tests stand still when the real ones change ---------- */

static int make(service *sv, report *r)
{
  (void)sv;
  (void)r;
  return 0;
}

static key const web_keys[] = {
    {.name = "listen", .type = KEY_ADDRESSES, .fallback = "127.0.0.1:80", .help = "where it listens"},
    {.name = "user", .type = KEY_USER, .help = "whom it runs as"},
    {.name = "needs", .type = KEY_NAMES, .help = "what is started before it"},
    {.name = "size", .type = KEY_SIZE, .fallback = "1M", .min = 1024, .max = 67108864, .help = "how much"},
    {.name = "timeout", .type = KEY_TIME, .fallback = "30s", .min = 100, .help = "how long"},
    {.name = "children", .type = KEY_COUNT, .fallback = "20", .max = 100, .help = "how many"},
    {.name = "log", .type = KEY_BOOL, .fallback = "no", .help = "whether it tells"},
    {.name = "tls",
     .type = KEY_CHOICE,
     .fallback = "offer",
     .choices = "offer|off|require",
     .help = "whether TLS"},
    {.name = "root", .type = KEY_PATH, .fallback = "pages", .help = "where the pages are"},
    {.name = "certificate", .type = KEY_PATH, .help = "its certificate"},
    {.name = "greeting", .type = KEY_TEXT, .help = "what it says"},
    {.name = 0}};
static key const limit_keys[] = {{.name = "rule", .type = KEY_TEXT, .repeat = 1, .help = "a rule"},
                                 {.name = 0}};
static key const rater_keys[] = {
    {.name = "port", .type = KEY_ADDRESSES, .fallback = "127.0.0.1:1999", .help = "where it listens"},
    {.name = 0}};
static key const service_keys[] = {{.name = "command", .type = KEY_COMMAND, .help = "what it runs"},
                                   {.name = "needs", .type = KEY_NAMES, .help = "what is started before it"},
                                   {.name = 0}};

static service_kind const web_kinds[] = {
    {.section = {.name = "web", .help = "A web server", .keys = web_keys}, .make = make},
    {.section = {.name = "web2", .help = "Another", .keys = web_keys}, .make = make},
    {.section = {.name = 0}}};
static service_kind const rater_kinds[] = {
    {.section = {.name = "rater", .help = "Limits", .keys = rater_keys}, .make = make},
    {.section = {.name = "limit", .argument = "CLASS", .help = "A limit", .keys = limit_keys}, .make = make},
    {.section = {.name = "service", .argument = "NAME", .help = "Any daemon", .keys = service_keys},
     .make = make},
    {.section = {.name = 0}, .service = "qmail-send", .present = bundle_qmail, .make = make},
    {.section = {.name = 0}}};
service_kind const *const kinds[] = {web_kinds, rater_kinds, 0};

/* --- what is wrong -------------------------------------------------------------------------------- */

#define L16   "0123456789abcdef"
#define L64   L16 L16 L16 L16
#define L256  L64 L64 L64 L64
#define L4096 L256 L256 L256 L256 L256 L256 L256 L256 L256 L256 L256 L256 L256 L256 L256 L256

static struct
{
  char const *text;
  char const *said; /* all of it */
} const wrong[] = {
    /* sections */
    {"[wbe]\nx = y\n",
     "f:1: [wbe] there is no such section (did you mean [web]?)\nf:2: [web] x: there is no such key\n"},
    {"[nothing at all]\n", "f:1: [nothing] there is no such section\n"},
    {"\n[web]\n\n[web]\n", "f:4: [web] this section has begun before, in line 2\n"},
    {"[rater]\n[limit ip]\n[limit ip]\n", "f:3: [limit ip] this section has begun before, in line 2\n"},
    {"[bundle]\n[bundle]\n", "f:2: [bundle] this section has begun before, in line 1\n"},
    {"[web x]\n", "f:1: [web x] this section takes no name: write [web]\n"},
    {"[limit]\n", "f:1: [limit] needs a name: [limit CLASS]\n"},
    {"[rater]\n[limit a/b]\n", "f:2: [limit a/b] the name is not made of letters, digits, - and _ alone\n"},
    {"[service -x]\n", "f:1: [service -x] the name is wrong: it begins with -\n"},
    {"[service abcdefghijklmnopqrstuvwxyz0123456]\n",
     "f:1: [service abcdefghijklmnopqrstuvwxyz0123456] the name is longer than 32 letters\n"},
    {"[service web]\n", "f:1: [service web] a service of the bundle itself has this name: choose another\n"},
    {"[service qmail-send]\n",
     "f:1: [service qmail-send] a service of the bundle itself has this name: choose another\n"},
    {"[limit ip]\n", "f:1: [limit ip] nobody keeps this limit: the section [rater] is missing\n"},
    {"[web\n", "f:1: a section is written [name], on a line of its own\n"},
    {"[web] listen = 127.0.0.1:1\n", "f:1: a section is written [name], on a line of its own\n"},
    {"[]\n", "f:1: [] there is no such section\n"},
    {"[" L64 "]\n", "f:1: a section's name of more than 48 bytes\n"},
    /* keys */
    {"listen = 1\n", "f:1: a key before the first [section]\n"},
    {"[web]\nlistne = 1\n", "f:2: [web] listne: there is no such key (did you mean `listen`?)\n"},
    {"[web]\ntime = 1\n", "f:2: [web] time: there is no such key (did you mean `timeout`?)\n"},
    {"[web]\nhostname = x\n", "f:2: [web] hostname: there is no such key here (it is one of [bundle])\n"},
    {"[web]\nzzz = 1\n", "f:2: [web] zzz: there is no such key\n"},
    {"[web]\nlog = yes\n\nlog = yes\n", "f:4: [web] log: stands twice; it was set before, in line 2\n"},
    {"[web]\ngreeting =\n",
     "f:2: [web] greeting: has no value (to have the default, put a # before the line)\n"},
    {"[web]\nlisten\n", "f:2: neither [section] nor key = value\n"},
    {"[web]\nlisten: 127.0.0.1:1\n", "f:2: neither [section] nor key = value\n"},
    {"[web]\nroot: a = b\n", "f:2: neither [section] nor key = value\n"},
    {"[web]\n = 1\n", "f:2: neither [section] nor key = value\n"},
    {"[web]\n" L64 " = 1\n", "f:2: a key of more than 48 bytes\n"},
    /* lines */
    {"[web]\ngreeting = a ; b\n", "f:2: ` ;` inside a value: a comment needs a line of its own\n"},
    {"[web]\ngreeting = ;b\n", "f:2: ` ;` inside a value: a comment needs a line of its own\n"},
    {"[web]\ngreeting = a\t# b\n", "f:2: ` #` inside a value: a comment needs a line of its own\n"},
    {"[web]\ngreeting = a\001b\n", "f:2: a control character (byte 1)\n"},
    {"[web]\ngreeting = a\rb\n", "f:2: a control character (byte 13)\n"},
    {"[web]\ngreeting = " L4096 "\n", "f:2: a line of more than 4096 bytes\n"},
    /* values */
    {"[web]\nchildren = many\n", "f:2: [web] children: `many` is not a number\n"},
    {"[web]\nchildren = 20x\n", "f:2: [web] children: `20x` is not a number\n"},
    {"[web]\nchildren = -1\n", "f:2: [web] children: `-1` is not a number\n"},
    {"[web]\nchildren = 101\n", "f:2: [web] children: `101` is too large (at least 0, at most 100)\n"},
    {"[web]\nsize = 1\n", "f:2: [web] size: `1` is too small (at least 1K, at most 64M)\n"},
    {"[web]\nsize = 1T\n", "f:2: [web] size: `1T` is not a size (write 500, 64K, 20M or 2G)\n"},
    {"[web]\nsize = 99999999999G\n",
     "f:2: [web] size: `99999999999G` is too large (at least 1K, at most 64M)\n"},
    {"[web]\ntimeout = 50ms\n", "f:2: [web] timeout: `50ms` is too small (at least 100ms)\n"},
    {"[web]\ntimeout = 3 weeks\n",
     "f:2: [web] timeout: `3 weeks` is not a time (write 500ms, 30s, 10m, 2h or 7d)\n"},
    {"[web]\nlog = true\n", "f:2: [web] log: `true` is not yes or no\n"},
    {"[web]\ntls = reqiure\n", "f:2: [web] tls: `reqiure` is not one of the words it can be: offer, off, "
                               "require (did you mean `require`?)\n"},
    {"[web]\nlisten = localhost:80\n", "f:2: [web] listen: `localhost:80` is not an IP address (write "
                                       "127.0.0.1:25, [::1]:25 or *:25)\n"},
    {"[web]\nlisten = 127.0.0.1:80 127.0.0.2\n",
     "f:2: [web] listen: `127.0.0.2` is without a port (write 127.0.0.1:25, [::1]:25 or *:25)\n"},
    {"[web]\nlisten = 127.0.0.1:99999\n",
     "f:2: [web] listen: `127.0.0.1:99999` is without a port number from 0 to 65535\n"},
    {"[web]\nlisten = 127.0.0.1:http\n",
     "f:2: [web] listen: `127.0.0.1:http` is without a port number from 0 to 65535\n"},
    {"[web]\nlisten = ::1:80\n",
     "f:2: [web] listen: `::1:80` is an IPv6 address without its brackets (write [::1]:25)\n"},
    {"[web]\nlisten = *:80/\n", "f:2: [web] listen: `*:80/` is an address with an empty label after `/`\n"},
    {"[web]\nlisten = *:80/t_s\n", "f:2: [web] listen: `*:80/t_s` is an address with a label of other than "
                                   "letters, digits and `-`\n"},
    {"[web]\nroot = /a\n/b\n", "f:3: neither [section] nor key = value\n"},
    {"[web]\nlisten = ,\n", "f:2: [web] listen: names no address\n"},
    {"[web]\nneeds = a/b\n",
     "f:2: [web] needs: the name `a/b` is not made of letters, digits, - and _ alone\n"},
    {"[web]\nuser = a b\n",
     "f:2: [web] user: the user name `a b` is not made of letters, digits, - and _ alone\n"},
    /* the whole */
    {"[web]\n[web2]\n",
     "f:2: [web2] listen: 127.0.0.1:80: [web] listens on 127.0.0.1:80 already (its default)\n"},
    {"[web]\nlisten = 127.0.0.1:1, 127.0.0.2:2\n[web2]\nlisten = [::1]:1 *:2\n",
     "f:4: [web2] listen: *:2: [web] listens on 127.0.0.2:2 already\n"},
    {"[web]\nlisten = 127.0.0.1:1 127.0.0.1:1/tls\n",
     "f:2: [web] listen: 127.0.0.1:1/tls: [web] listens on 127.0.0.1:1 already\n"},
    {"[web]\nneeds = wbe\n", "f:2: [web] needs: there is no service `wbe` (did you mean `web`?)\n"},
    {"[web]\nneeds = nothing\n", "f:2: [web] needs: there is no service `nothing`\n"},
    {"[web]\nneeds = rater\n",
     "f:2: [web] needs: this bundle has no service `rater`: its section is missing\n"},
    {"[web]\nneeds = qmail-send\n",
     "f:2: [web] needs: this bundle has no service `qmail-send`: its section is missing\n"},
    {"[bundle]\nhostname = my host\n",
     "f:2: [bundle] hostname: `my host` is not made of letters, digits, - and dots alone\n"},
    {"[bundle]\nhostname = a..b\n", "f:2: [bundle] hostname: `a..b` is not the name of a machine\n"},
    {"[bundle]\nhostname = -a.b\n", "f:2: [bundle] hostname: `-a.b` is not the name of a machine\n"},
    {"[bundle]\nhostname = " L64 "\n", "f:2: [bundle] hostname: `" L64 "` is not the name of a machine\n"},
    {"[bundle]\nhostname = " L64 L64 L64 L64 "\n",
     "f:2: [bundle] hostname: `" L64 L64 L64 L64 "` is longer than 253 bytes\n"},
    {"[bundle]\ncontrol = /var/qmail/ctl\n", "f:2: [bundle] control: /var/qmail/ctl: the directory must be "
                                             "called `control`, for that is where qmail programs "
                                             "look\n"},
    {"[bundle]\nstatus-group = a,b\n",
     "f:2: [bundle] status-group: the group name `a,b` is not made of letters, digits, - and _ alone\n"},
    {"[bundle]\nrun = /" L64 "/" L16 L16 "\n",
     "f:2: [bundle] run: too long: the socket RUN/intake.submission would "
     "have 116 bytes, and the kernel takes 107\n"},
    {"[web]\ncertificate = /" L64 "/" L16 L16 L16 ".sock\n",
     "f:2: [web] certificate: too long for a socket: 119 bytes, and the kernel takes 107\n"},
    /* all in one go */
    {"[wbe]\n[web]\nlistne = 1\nlog = 2\n",
     "f:1: [wbe] there is no such section (did you mean [web]?)\n"
     "f:3: [web] listne: there is no such key (did you mean `listen`?)\n"
     "f:4: [web] log: `2` is not yes or no\n"},
};

static char const *read_all(conf *c, report *r, char const *text, size_t len)
{
  ck_assert_int_eq(conf_parse(c, "f", text, len, r), 0);
  ck_assert(stralloc_0(&r->text));
  return r->text.s;
}

START_TEST(messages)
{
  conf c = CONF_ZERO;
  report r = REPORT_ZERO;
  char const *said = read_all(&c, &r, wrong[_i].text, strlen(wrong[_i].text));

  ck_assert_str_eq(said, wrong[_i].said);
  ck_assert_uint_gt(r.errors, 0);
  conf_free(&c);
  report_free(&r);
}
END_TEST

START_TEST(nul)
{
  static char const text[] = "[web]\nroot = /a\0b\nlog = 2\n";
  conf c = CONF_ZERO;
  report r = REPORT_ZERO;

  ck_assert_str_eq(read_all(&c, &r, text, sizeof text - 1),
                   "f:2: a NUL byte\nf:3: [web] log: `2` is not yes or no\n");
  conf_free(&c);
  report_free(&r);
}
END_TEST

START_TEST(long_path)
{
  static char const text[] =
      "[web]\nroot = " L256 L256 L256 L256 L256 L256 L256 L256 L256 L256 L256 L256 L256 L256 L256 "\n";
  conf c = CONF_ZERO;
  report r = REPORT_ZERO;

  ck_assert_int_eq(conf_parse(&c, "/" L256 "/f", text, sizeof text - 1, &r), 0);
  ck_assert(stralloc_0(&r.text));
  ck_assert_ptr_nonnull(strstr(r.text.s, "f:2: [web] root: a path of more than 4095 bytes\n"));
  conf_free(&c);
  report_free(&r);
}
END_TEST

START_TEST(many_addresses)
{
  conf c = CONF_ZERO;
  report r = REPORT_ZERO;
  char text[CONF_LINE_MAX + 32] = "[web]\nlisten =";
  size_t len = strlen(text);

  for (unsigned int port = 1000; port < 1513; port++) len += (size_t)sprintf(text + len, " *:%u", port);
  ck_assert_str_eq(read_all(&c, &r, text, len), "f:2: [web] listen: too many addresses in all\n");
  conf_free(&c);
  report_free(&r);
}
END_TEST

START_TEST(gives_up)
{
  conf c = CONF_ZERO;
  report r = REPORT_ZERO;
  char text[2 * 1000];

  for (size_t i = 0; i < sizeof text; i += 2) memcpy(text + i, "x\n", 2);
  read_all(&c, &r, text, sizeof text);
  ck_assert_uint_eq(r.errors, CONF_ERRORS + 1);
  ck_assert_ptr_nonnull(strstr(r.text.s, "f:101: too many errors"));
  conf_free(&c);
  report_free(&r);
}
END_TEST

/* --- what is right -------------------------------------------------------------------------------- */

static char const good[] = "\xef\xbb\xbf# a comment\r\n"
                           "  ; another\n"
                           "[ bundle ]\r\n"
                           "  hostname=mx.example.test\n"
                           "mta = qmail\n"
                           "run = /run/mail/\n"
                           "\n"
                           "[limit\tip]\n"
                           "rule = * 3/1h\n"
                           "\trule = 10.* 5/1h burst 2 = x;y#z: \"q\"\n"
                           "[rater]\n"
                           "[web]\n"
                           "listen = 127.0.0.1:8080, [::1]:8080/tls\n"
                           "size = 64M\n"
                           "timeout = 1m\n"
                           "log = yes\n"
                           "tls = require\n"
                           "needs = rater other qmail-send\n"
                           "certificate = ./tls/cert.pem\n"
                           "[service other]\n"
                           "command = foreground { echo \"a\" } daemon";

static section const *named(conf const *c, char const *name)
{
  section const *s = genalloc_s(section, &c->sections);

  for (size_t n = genalloc_len(section, &c->sections); n; n--, s++)
    if (!strcmp(s->kind->name, name)) return s;
  ck_abort_msg("no section %s", name);
  return 0;
}

START_TEST(values)
{
  conf c = CONF_ZERO;
  report r = REPORT_ZERO;
  section const *s;

  r.file = "a name of its own";
  ck_assert_int_eq(conf_parse(&c, "/etc/mail/mailctl.conf", good, sizeof good - 1, &r), 0);
  ck_assert(stralloc_0(&r.text));
  ck_assert_str_eq(r.text.s, "");
  ck_assert_str_eq(c.file, "/etc/mail/mailctl.conf");
  ck_assert_uint_eq(c.bytes.len, sizeof good - 1);
  ck_assert_ptr_eq(genalloc_s(section, &c.sections), named(&c, "bundle"));
  s = named(&c, "bundle");
  ck_assert_uint_eq(s->line, 3);
  ck_assert_str_eq(section_text(s, "run"), "/run/mail");
  ck_assert_str_eq(section_text(s, "state"), "/etc/mail/state");
  ck_assert_uint_eq(section_number(s, "mta"), 1);
  ck_assert_ptr_null(section_text(s, "user"));
  s = named(&c, "web");
  ck_assert_str_eq(section_text(s, "listen"), "127.0.0.1:8080, [::1]:8080/tls");
  ck_assert_uint_eq(section_number(s, "size"), 64ul << 20);
  ck_assert_uint_eq(section_number(s, "timeout"), 60000);
  ck_assert_uint_eq(section_number(s, "children"), 20);
  ck_assert_uint_eq(section_number(s, "log"), 1);
  ck_assert_uint_eq(section_number(s, "tls"), 2);
  ck_assert(section_says(s, "size") && !section_says(s, "children"));
  ck_assert_str_eq(section_text(s, "certificate"), "/etc/mail/tls/cert.pem");
  ck_assert_str_eq(section_text(s, "root"), "/etc/mail/pages");
  s = named(&c, "limit");
  ck_assert_str_eq(s->argument, "ip");
  ck_assert_str_eq(section_nth(s, "rule", 0)->text, "* 3/1h");
  ck_assert_str_eq(section_nth(s, "rule", 1)->text, "10.* 5/1h burst 2 = x;y#z: \"q\"");
  ck_assert_uint_eq(section_nth(s, "rule", 1)->line, 10);
  ck_assert_ptr_null(section_nth(s, "rule", 2));
  ck_assert_str_eq(section_text(named(&c, "service"), "command"), "foreground { echo \"a\" } daemon");
  conf_free(&c);
  report_free(&r);
}
END_TEST

START_TEST(longest_line)
{
  static char const start[] = "[web]\ngreeting = ";
  conf c = CONF_ZERO;
  report r = REPORT_ZERO;
  char text[sizeof start + CONF_LINE_MAX];
  size_t len = sizeof start - 1 + CONF_LINE_MAX - (sizeof "greeting = " - 1);

  memset(text, 'x', sizeof text);
  memcpy(text, start, sizeof start - 1);
  ck_assert_str_eq(read_all(&c, &r, text, len), "");
  ck_assert_uint_eq(strlen(section_text(named(&c, "web"), "greeting")),
                    CONF_LINE_MAX - (sizeof "greeting = " - 1));
  conf_free(&c);
  report_free(&r);
}
END_TEST

START_TEST(empty)
{
  conf c = CONF_ZERO;
  report r = REPORT_ZERO;
  bundle b;

  ck_assert_str_eq(read_all(&c, &r, "", 0), "");
  ck_assert_int_eq(bundle_fill(&b, &c, "/l", "/b", 1), 0);
  ck_assert_uint_gt(strlen(b.hostname), 0);
  ck_assert_int_eq(b.file[0], '/');
  ck_assert_int_eq(bundle_qmail(&b), 0);
  ck_assert_ptr_eq(bundle_section(&b, "bundle"), b.self);
  ck_assert_ptr_null(bundle_section(&b, "web"));
  conf_free(&c);
  report_free(&r);
}
END_TEST

START_TEST(filled_bundle)
{
  conf c = CONF_ZERO;
  report r = REPORT_ZERO;
  bundle b;

  ck_assert_int_eq(conf_parse(&c, "/etc/mail/mailctl.conf", good, sizeof good - 1, &r), 0);
  ck_assert_int_eq(bundle_fill(&b, &c, "/l", "/b", 1), 0);
  ck_assert_str_eq(b.file, "/etc/mail/mailctl.conf");
  ck_assert_str_eq(b.hostname, "mx.example.test");
  ck_assert_str_eq(b.control, "/var/qmail/control");
  ck_assert_str_eq(b.home, "/var/qmail");
  ck_assert_str_eq(b.log, "/etc/mail/log");
  ck_assert_str_eq(b.libexec, "/l");
  ck_assert_str_eq(b.bin, "/b");
  ck_assert(b.root && bundle_qmail(&b));
  conf_free(&c);
  report_free(&r);
}
END_TEST

/* --- files ---------------------------------------------------------------------------------------- */

static void put(char const *bytes, size_t len)
{
  FILE *f = fopen("mailctl.conf", "w");
  ck_assert(f && fwrite(bytes, 1, len, f) == len && !fclose(f));
}

START_TEST(from_file)
{
  conf c = CONF_ZERO;
  report r = REPORT_ZERO;
  char wanted[256];

  put("[web]\nlog = 2\n", 14);
  ck_assert_int_eq(conf_read(&c, "./mailctl.conf", &r), 0);
  snprintf(wanted, sizeof wanted, "%s/mailctl.conf", unit_directory);
  ck_assert_str_eq(c.file, wanted);
  ck_assert(stralloc_0(&r.text));
  ck_assert_str_eq(r.text.s, "./mailctl.conf:2: [web] log: `2` is not yes or no\n");
  conf_free(&c);
  report_free(&r);
}
END_TEST

START_TEST(too_large)
{
  conf c = CONF_ZERO;
  report r = REPORT_ZERO;
  char *bytes = malloc(CONF_MAX + 1);

  memset(bytes, '\n', CONF_MAX + 1);
  put(bytes, CONF_MAX + 1);
  ck_assert_int_eq(conf_read(&c, "mailctl.conf", &r), 0);
  ck_assert(stralloc_0(&r.text));
  ck_assert_str_eq(r.text.s, "mailctl.conf: a file of more than 1048576 bytes\n");
  conf_free(&c);
  report_free(&r);
  r = (report)REPORT_ZERO;
  c = (conf)CONF_ZERO;
  put(bytes, CONF_MAX);
  ck_assert_int_eq(conf_read(&c, "mailctl.conf", &r), 0);
  ck_assert_uint_eq(r.errors, 0);
  conf_free(&c);
  report_free(&r);
  free(bytes);
}
END_TEST

START_TEST(not_readable)
{
  conf c = CONF_ZERO;
  report r = REPORT_ZERO;

  ck_assert_int_eq(conf_read(&c, "nothing", &r), -1);
  ck_assert_int_eq(errno, ENOENT);
  ck_assert_int_eq(conf_read(&c, ".", &r), -1);
  ck_assert_int_eq(errno, EISDIR);
  conf_free(&c);
  report_free(&r);
}
END_TEST

/* --- suggestions ---------------------------------------------------------------------------------- */

static struct
{
  char const *a;
  char const *b;
  unsigned int distance;
} const distances[] = {
    {"", "", 0},
    {"a", "", 1},
    {"listen", "listen", 0},
    {"lisen", "listen", 1},
    {"listne", "listen", 1},
    {"lixten", "listen", 1},
    {"ca", "abc", 3},
    {"kitten", "sitting", 3},
    {L64, "a", UINT_MAX},
};

START_TEST(distance)
{
  ck_assert_uint_eq(suggest_distance(distances[_i].a, distances[_i].b), distances[_i].distance);
  ck_assert_uint_eq(suggest_distance(distances[_i].b, distances[_i].a), distances[_i].distance);
}
END_TEST

int main(void)
{
  Suite *s = suite_create("conf");
  TCase *t = tcase_create("memory");
  TCase *files = tcase_create("files");

  tcase_add_loop_test(t, messages, 0, sizeof wrong / sizeof wrong[0]);
  tcase_add_test(t, nul);
  tcase_add_test(t, long_path);
  tcase_add_test(t, many_addresses);
  tcase_add_test(t, gives_up);
  tcase_add_test(t, values);
  tcase_add_test(t, longest_line);
  tcase_add_test(t, empty);
  tcase_add_test(t, filled_bundle);
  tcase_add_loop_test(t, distance, 0, sizeof distances / sizeof distances[0]);
  suite_add_tcase(s, t);
  unit_in_directory(files);
  tcase_add_test(files, from_file);
  tcase_add_test(files, too_large);
  tcase_add_test(files, not_readable);
  suite_add_tcase(s, files);
  return unit_run(s);
}

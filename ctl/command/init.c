#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>

#include <runlib/walk.h>

#include <services/contract/bundle.h>
#include <services/contract/service.h>
#include <services/contract/where.h>

#include <ctl/command/command.h>
#include <ctl/command/fresh.h>
#include <ctl/command/staging.h>
#include <ctl/command/sysusers.h>
#include <ctl/conf/conf.h>
#include <ctl/conf/describe.h>
#include <ctl/machine/reach.h>
#include <ctl/say.h>

/* --- the command line ----------------------------------------------------------------------------- */

static int is_name(char const *s)
{
  return *s && *s != '.' && *s != '-' && strlen(s) < 200 && !strstr(s, "..") &&
         !s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-.")];
}

static int read_arguments(fresh *f, int argc, char const *const *argv)
{
  char const *directory = 0;

  for (int i = 1; i < argc; i++)
  {
    if (!strcmp(argv[i], "--user") && i + 1 < argc)
      f->user = argv[++i];
    else if (!strncmp(argv[i], "--user=", 7))
      f->user = argv[i] + 7;
    else if (!strcmp(argv[i], "--domain") && i + 1 < argc)
      f->domain = argv[++i];
    else if (!strcmp(argv[i], "--host") && i + 1 < argc)
      f->host = argv[++i];
    else if (!strcmp(argv[i], "--create-users"))
      f->create_users = 1;
    else if (argv[i][0] == '-')
      return usage_error("init", "there is no such option");
    else if (directory)
      return usage_error("init", "it takes one directory");
    else
      directory = argv[i];
  }
  if (f->host && !f->domain) return usage_error("init", "--host goes with --domain");
  if (!f->host) f->host = fresh_domain(f);
  if (!is_name(fresh_domain(f)) || !is_name(f->host))
    return usage_error("init", "a domain's name has letters, digits and hyphens, between dots");
  if (!directory || !*directory) return usage_error("init", "it needs a directory");
  if (strlen(directory) >= PATH_MAX) return usage_error("init", "the directory's name is too long");
  strcpy(f->directory, directory);
  return 0;
}

/* Each service has a user of its own. */
static int find_own_users(int create)
{
  stralloc missing = STRALLOC_ZERO;
  int status = 0;

  if (create && sysusers_make() < 0) return EXIT_SYSTEM;
  if (sysusers_missing(&missing) < 0 || !stralloc_0(&missing))
  {
    say_cannot("look up the system users");
    status = EXIT_SYSTEM;
  }
  else if (missing.len > 1)
  {
    say("init: each service has a user of its own, and these are missing: ", missing.s);
    say("init: --create-users makes them, and so does for each of them: useradd --system --user-group "
        "--home-dir /nonexistent --shell /usr/sbin/nologin NAME");
    say("init: for a trial, `--user nobody` gives everything to one user");
    status = EXIT_USAGE;
  }
  stralloc_free(&missing);
  return status;
}

/* Root runs nothing of the bundle as itself; anybody else can run it as nobody but themselves. */
static int find_users(fresh *f)
{
  who w;

  if (f->user && f->create_users)
    return usage_error("init", "--user runs all services as one user: leave that or --create-users out");
  if (!f->cx->root)
    return !f->user && !f->create_users
               ? 0
               : usage_error("init", "only root can run services as another user: leave --user and "
                                     "--create-users out");
  if (!f->user) return find_own_users(f->create_users);
  if (who_find(&w, f->user) < 0)
  {
    say("init: there is no user ", f->user, " on this machine");
    return EXIT_USAGE;
  }
  if (w.uid) return 0;
  return usage_error("init", "services that face the network must not run as root: name another --user");
}

/* Whether a link that is not root's alone is on the way: realpath would follow it. */
static int is_astray(char const *path)
{
  int fd = walk_directory(AT_FDCWD, path);

  if (fd >= 0) fd_close(fd);
  if (fd >= 0 || errno != ELOOP) return 0;
  say_cannot("use ", path);
  return 1;
}

/* Makes f->directory absolute: its parent must exist, it need not. */
static int find_directory(fresh *f)
{
  char given[PATH_MAX];
  char parent[PATH_MAX];
  char *slash;
  size_t n;

  strcpy(given, f->directory);
  if (is_astray(given)) return EXIT_SYSTEM;
  if (realpath(given, f->directory)) return 0;
  for (n = strlen(given); n > 1 && given[n - 1] == '/'; n--) given[n - 1] = 0;
  slash = strrchr(given, '/');
  if (slash) *slash = 0;
  if (slash && *given && is_astray(given)) return EXIT_SYSTEM;
  if (!realpath(!slash ? "." : *given ? given : "/", parent))
  {
    say_cannot("find the directory ", given);
    return EXIT_SYSTEM;
  }
  if (snprintf(f->directory, PATH_MAX, "%s/%s", strcmp(parent, "/") ? parent : "",
               slash ? slash + 1 : given) < PATH_MAX)
    return 0;
  return usage_error("init", "the directory's name is too long");
}

/* --- mailctl.conf --------------------------------------------------------------------------------- */

/* Whose the Maildirs and the passwords are, as the new file says. */
static int find_owners(fresh *f)
{
  section const *spool = bundle_section(&f->b, "spool");
  char const *mail = spool ? section_text(spool, "user") : 0;

  if (!f->cx->root) return 0;
  if (!who_find(&f->mail, mail ? mail : section_text(f->b.self, "user")) &&
      !who_find(&f->auth, auth_users_owner(&f->b)) && !who_find(&f->dkim, dkim_user(&f->b)))
    return 0;
  say_cannot("look up the users of [spool], [auth] and [dkim]");
  return EXIT_SYSTEM;
}

static int write_conf(fresh *f)
{
  char const *user = f->user ? f->user : f->cx->root ? BUNDLE_USER : 0;
  char set[512];
  described const trial[] = {{"bundle", set}, {0, 0}};
  described const real[] = {{"bundle", set},
                            {"smtpd", "listen = *:25\n"},
                            {"submission", "listen = *:587, *:465/tls\n"},
                            {"dns", ""},
                            {0, 0}};
  char path[PATH_MAX + 16];
  report r = REPORT_ZERO;
  int status = EXIT_SYSTEM;

  snprintf(set, sizeof set, "hostname = %s\n%s%s%s", f->host, user ? "user = " : "", user ? user : "",
           user ? "\n" : "");
  snprintf(path, sizeof path, "%s/mailctl.conf", f->directory);
  if (describe_conf(&f->text, f->domain ? real : trial,
                    !user     ? DESCRIBED_OURSELVES
                    : f->user ? DESCRIBED_ONE
                              : DESCRIBED_OWN) < 0 ||
      conf_parse(&f->c, path, f->text.s, f->text.len, &r) < 0 ||
      bundle_fill(&f->b, &f->c, f->cx->libexec, f->cx->bin, f->cx->root) < 0)
    say_cannot("write a mailctl.conf");
  else if (r.errors)
    status = (allwrite(2, r.text.s, r.text.len), EXIT_CONF);
  else
    status = find_owners(f);
  report_free(&r);
  return status;
}

/* --- files ---------------------------------------------------------------------------------------- */

static int text_file(staging *m, char const *name, char const *text)
{
  return staging_file(m, name, text, strlen(text), 0644);
}

static int make_plugins(staging *m)
{
  static char const text[] =
      "# What smtpd asks before it answers: programs of the qmail-spp interface, run in order\n"
      "# at each step of a session, or what it has built in. See smtpd(8) and overload(8).\n"
      "\n[connection]\nbuiltin:overload\n"
      "\n[mail]\nbuiltin:overload\n";

  return staging_file(m, "control/smtpplugins", text, sizeof text - 1, 0644);
}

/* control/overloaded is the administrator's permanent link to the flag in the monitor's own directory. */
static int make_control(fresh const *f, staging *m)
{
  char flag[PATH_MAX], me[256], domain[256];

  snprintf(flag, sizeof flag, "%s/overload/flag", f->b.run);
  snprintf(me, sizeof me, "%s\n", f->host);
  snprintf(domain, sizeof domain, "%s\n", fresh_domain(f));
  if (staging_directory(m, "control", 0755, 0) < 0 || text_file(m, "control/me", me) < 0 ||
      text_file(m, "control/rcpthosts", domain) < 0 || text_file(m, "control/locals", domain) < 0)
    return -1;
  return make_plugins(m) < 0 ? -1 : staging_link(m, "control/overloaded", flag);
}

static int make_directories(fresh const *f, staging *m)
{
  static char const *const ours[] = {"state", "run", "log", 0};
  who const *owner = f->cx->root ? &f->mail : 0;
  static char const *const users[] = {"mail/postmaster", "mail/postmaster/tmp", "mail/postmaster/new",
                                      "mail/postmaster/cur", 0};

  for (char const *const *name = ours; *name; name++)
    if (staging_directory(m, *name, 0755, 0) < 0) return -1;
  if (staging_directory(m, "mail", 0755, owner) < 0) return -1;
  for (char const *const *name = users; *name; name++)
    if (staging_directory(m, *name, 0700, owner) < 0) return -1;
  return 0;
}

static int make_certificate(fresh const *f, staging *m)
{
  char subject[256], names[256];
  char const *const argv[] = {"openssl",
                              "req",
                              "-x509",
                              "-newkey",
                              "ec",
                              "-pkeyopt",
                              "ec_paramgen_curve:prime256v1",
                              "-nodes",
                              "-days",
                              "3650",
                              "-subj",
                              subject,
                              "-addext",
                              names,
                              "-keyout",
                              "state/tls/key.pem",
                              "-out",
                              "state/tls/cert.pem",
                              0};

  snprintf(subject, sizeof subject, "/CN=%s", f->host);
  snprintf(names, sizeof names, "subjectAltName=DNS:%s,DNS:localhost,IP:127.0.0.1", f->host);
  /* The key stays ours, 0600 by the umask of staging_run: tlsd reads it before it becomes its user. */
  if (staging_directory(m, "state/tls", 0755, 0) < 0 || staging_run(m, argv, 0) < 0) return -1;
  return staging_mode(m, "state/tls/cert.pem", 0644);
}

static int make_login(fresh *f, staging *m)
{
  char program[PATH_MAX], users[PATH_MAX + 32];
  int status = -1;

  snprintf(program, sizeof program, "%s/checkpassword-file", f->cx->libexec);
  snprintf(users, sizeof users, "%s/state/auth/users", m->work);
  if (staging_directory(m, "state/auth", 0700, f->cx->root ? &f->auth : 0) < 0) return -1;
  if (passwd_generate(f->password) < 0)
    say_cannot("get random bytes");
  else if ((status = passwd_set(program, users, auth_users_owner(&f->b), FRESH_LOGIN, f->password)) < 0)
    say_cannot("run ", program);
  return status ? -1 : 0;
}

/* For a real domain. They are made as ours, in a directory that nobody else can enter, and given away. */
static int make_keys(fresh const *f, staging *m)
{
  char program[PATH_MAX], owner[64];
  char const *const make[] = {program, "--new", "state/dkim", f->domain, 0};
  char const *const give[] = {"chown", "-R", owner, "state/dkim", 0};

  if (!f->domain) return 0;
  snprintf(program, sizeof program, "%s/dkim", f->cx->libexec);
  snprintf(owner, sizeof owner, "%lu:%lu", (unsigned long)f->dkim.uid, (unsigned long)f->dkim.gid);
  if (staging_directory(m, "state/dkim", 0700, 0) < 0 || staging_run(m, make, 0) < 0) return -1;
  return f->cx->root ? staging_run(m, give, 0) : 0;
}

static int make_files(fresh *f, staging *m)
{
  return make_control(f, m) < 0 || make_directories(f, m) < 0 || make_certificate(f, m) < 0 ||
                 make_login(f, m) < 0 || make_keys(f, m) < 0 ||
                 staging_file(m, "mailctl.conf", f->text.s, f->text.len, 0644) < 0
             ? -1
             : 0;
}

static int make_all(fresh *f)
{
  /* mailctl.conf comes last: a directory that has one is complete. */
  static char const *const names[] = {"control", "state", "run", "log", "mail", "mailctl.conf", 0};
  staging m = {.directory = f->directory, .names = names};
  int begun = staging_begin(&m);

  if (begun) return begun < 0 ? EXIT_SYSTEM : EXIT_NO;
  if (!make_files(f, &m) && !staging_end(&m)) return 0;
  staging_undo(&m);
  say("init: all that it had made is removed again");
  return EXIT_SYSTEM;
}

/* ---------------------------------------------------------------------------------------------------- */

/* A ^C ends openssl, and with it init, in an orderly way; init itself does not stop half-way. */
static void hold_signals(void)
{
  sigset_t set;

  sigemptyset(&set);
  sigaddset(&set, SIGHUP);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, 0);
  signal(SIGPIPE, SIG_IGN);
}

int command_init(context const *cx, int argc, char const *const *argv)
{
  fresh f = {.cx = cx, .text = STRALLOC_ZERO, .c = CONF_ZERO};
  int status = read_arguments(&f, argc, argv);

  if (!status) status = find_users(&f);
  if (!status) status = find_directory(&f);
  if (!status) status = write_conf(&f);
  if (!status)
  {
    hold_signals();
    status = make_all(&f);
  }
  if (!status) status = fresh_say(&f);
  explicit_bzero(f.password, sizeof f.password);
  stralloc_free(&f.text);
  conf_free(&f.c);
  return status;
}

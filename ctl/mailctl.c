#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/formats.h>

#include <ctl/command/command.h>
#include <ctl/say.h>

static command const commands[] = {
    {"init", &command_init, "DIR [--domain NAME [--host NAME]] [--create-users | --user USER]",
     "write a configuration and all that it needs below DIR",
     "  --domain NAME   for the mail of this domain, with keys that sign it; prints what its DNS must have\n"
     "  --host NAME     this machine's name, if it is not the domain's\n"
     "  --create-users  as root: make the system users that are missing, one for each service\n"
     "  --user USER     as root, for a trial: run all services as this one user, such as nobody\n"},
    {"check", &command_check, "", "report every problem in the configuration and in the machine", ""},
    {"plan", &command_plan, "", "show what up would change", ""},
    {"up", &command_up, "[--no-rollback | --confirm TIME] [NAME...]",
     "make the live bundle what the file says, and wait until it is ready",
     "What does not become healthy goes back by itself to what ran before.\n\n"
     "  --no-rollback   it stays, for who wants to look\n"
     "  --confirm TIME  go back after 10m, or so, or as soon as health falls, unless `mailctl confirm` "
     "comes\n\n"
     "Exit 4: it went back, and what ran before runs again. 5: so it does, and is not healthy either.\n"
     "1, 99: it is not healthy, and there was nothing to go back to. 102: nothing was changed.\n"},
    {"confirm", &command_confirm, "[--watch]", "keep what `up --confirm` brought up",
     "  --watch       wait, and go back when it is time: what s6 runs meanwhile\n"},
    {"generations", &command_generations, "",
     "what was ever brought up: when, by whom, what changed, whether it was healthy", ""},
    {"diff", &command_diff, "N [M]", "what changed from one generation to another, or to the current one",
     ""},
    {"rollback", &command_rollback, "[N]",
     "make a generation live again, as it was kept; without N, the one before", ""},
    {"sets", &command_sets, "", "the software sets below [bundle] software, and which generations run them",
     ""},
    {"switch", &command_switch, "SET [--no-rollback | --confirm TIME]",
     "run the software of another set; what does not become healthy goes back",
     "SET is a name below [bundle] software. Its own mailctl checks the file and brings it up; see up.\n\n"
     "  --no-rollback   it stays, for who wants to look\n"
     "  --confirm TIME  go back after 10m, or so, or as soon as health falls, unless `mailctl confirm`\n"
     "                  comes\n"},
    {"gc", &command_gc, "[--keep N] [--dry-run]", "remove the sets and generations that nothing needs",
     "  --keep N      keep the N sets that ran last, and the generations that run them\n"
     "  --dry-run     say which, and do nothing\n"},
    {"down", &command_down, "[NAME...]", "stop services, or all and the supervisor; sessions may finish", ""},
    {"restart", &command_restart, "NAME...", "stop and start services", ""},
    {"reload", &command_reload, "NAME...", "make services read their rules and certificates again", ""},
    {"status", &command_status, "[NAME...] [OPTION...]", "show every service, the queue and the daemons",
     "One NAME alone: everything about it.\n\n"
     "  --dns           ask the DNS, too, and say which records are missing or wrong\n"
     "  --watch         live, on the whole terminal; ? there tells the keys\n"
     "  --json          one JSON document\n"
     "  --metrics       OpenMetrics text, for Prometheus\n"
     "  --host NAME     of another machine, by ssh or as [fleet] says, as a line; several of them: a table\n"
     "  --fleet         of all machines in [fleet]; with --json, one document\n"
     "  -o FIELD,...    these fields, with tabs between; -o help lists them\n"
     "  -q, --quiet     nothing but the exit status\n"
     "  --wait[=SECONDS]  first wait until all is well\n\n"
     "Exit 0: all that is wanted is ready, and there is no overload. 1: not so. 3: not running.\n"
     "99: --wait timed out. The fields and the JSON document are described in mailctl-status(5).\n"},
    {"log", &command_log, "NAME [-f] [-n LINES]", "show a service's log with local times",
     "  -f            go on as the log grows\n"
     "  -n LINES      so many from the end (default: 50)\n"},
    {"history", &command_history, "[NAME]",
     "starts, deaths, stops, commands, generations and overload, in order", ""},
    {"overload", &command_overload, "[on|off|auto] [-l LEVEL] [-t TIME] [-r REASON]",
     "show the overload flag, or hold it by hand",
     "  on            refuse strangers, whatever is measured\n"
     "  off           refuse nobody, whatever is measured\n"
     "  auto          end the hold: what is measured decides\n"
     "  -l LEVEL      with on: 1 (the default), or 2 to refuse at connection\n"
     "  -t TIME       end the hold by itself after 30s, 10m, 2h or 7d\n"
     "  -r REASON     say why; shown to whoever asks\n"
     "  --host NAME   on another machine, by ssh or as [fleet] says; may be said many times\n"
     "  --fleet       on all machines in [fleet]\n"},
    {"monitor", &command_monitor, "-D DIRECTORY [OPTION...] QUEUE...",
     "the loop that raises the overload flag, run by its service",
     "Its options are described in mailctl-monitor(8).\n"},
    {"passwd", &command_passwd, "NAME", "set the password that NAME logs in with (AUTH)",
     "The password is asked for twice on a terminal; else it is the first line of the input.\n"},
    {"user", &command_user, "[list|add|set|del|show|enable|disable|import] [NAME] [OPTION...]",
     "people: who has a mailbox, a password, a quota, and sends as whom",
     "  list              name, login, quota and what is used of it (the default)\n"
     "  add NAME          a mailbox and a password, asked for as by passwd\n"
     "  set NAME          change what the options say\n"
     "  show NAME         all of it, with the addresses\n"
     "  disable, enable   the password fits no more, sessions of IMAP end; and again\n"
     "  del NAME          goes; the mail is kept, and `add` finds it again\n"
     "  import FORMAT FILE\n"
     "                    a line each: plain (name:password), passwd, vpopmail or dovecot; FILE -: input\n"
     "  --quota SIZE      how much mail: 500M, or none\n"
     "  --sender ADDRESS, --no-sender ADDRESS\n"
     "                    may be used as sender beside one's own, where sender-match = yes; @DOMAIN, too\n"
     "  --no-password     with add: a mailbox alone\n"
     "  --purge           with del: the mail goes, too\n"},
    {"alias", &command_alias, "[list|add|del] [NAME] [TARGET...]", "addresses that lead to others",
     "  list              all (the default)\n"
     "  add NAME TARGET...\n"
     "                    NAME, or NAME@DOMAIN, leads to these, too\n"
     "  del NAME          no more; with TARGETs, not to these\n"},
    {"domain", &command_domain, "[list|add|del] [DOMAIN]", "the domains whose mail is for us",
     "  list              all (the default)\n"
     "  add DOMAIN        mail for it is taken; with [dkim], a key for it is made\n"
     "  del DOMAIN        no more\n"},
    {"dkim", &command_dkim, "[list|records|new DOMAIN|retire DOMAIN SELECTOR]",
     "the keys that sign mail to other hosts: show them, make some, end one",
     "  list           the keys (the default)\n"
     "  records        what the DNS must have for them, as lines of a zone file\n"
     "  new DOMAIN     makes an RSA and an Ed25519 key, and shows their records\n"
     "  retire DOMAIN SELECTOR\n"
     "                 the key signs no more; leave its record in the DNS for a week\n"},
    {"block", &command_block, "[list|add|del|watch] [ADDRESS] [--for TIME] [--reason TEXT] [--never]",
     "whom the listeners do not serve: show it, add an address or a network, delete one",
     "  list           who is blocked now, until when, by whom and why (the default)\n"
     "  add ADDRESS    it is served no more; 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32\n"
     "  del ADDRESS    it is served again; what raterd counted for it is forgotten\n"
     "  watch PROGRAM [ARGUMENT...]\n"
     "                 run it now and with each change; its input is `block|pass ADDRESS SECONDS` for each\n"
     "  --for TIME     30s, 10m, 2h or 7d; without it, for good\n"
     "  --reason TEXT  shown by list\n"
     "  --never        the other way round: it is never blocked, whatever else says so\n"},
    {"dns", &command_dns, "[--check]",
     "the DNS records that the configuration wants, as lines of a zone file",
     "  --check         ask the DNS, and say which are missing or wrong, and why it matters\n\n"
     "Exit 1: --check found some.\n"},
    {"autoconfig", &command_autoconfig, "DIR",
     "files for a web server by which mail programs set themselves up",
     "DIR/DOMAIN/config-v1.1.xml for Thunderbird and others, mail.mobileconfig for Apple's; see\n"
     "examples/nginx.\n"},
    {"policy", &command_policy, "[list|add|forget] [ADDRESS [SENDER RECIPIENT]]",
     "what greylisting knows: show it, add a network, forget one",
     "  list           the networks, and how often they came again (the default)\n"
     "  add ADDRESS    its network is known: it is never asked to come again\n"
     "  forget ADDRESS [SENDER RECIPIENT]\n"
     "                 its network, and what is known of these two, is forgotten\n"},
    {"convert", &command_convert, "spamdyke FILE",
     "a spamdyke.conf as sections of mailctl.conf, on standard output",
     "What has no counterpart is named, with the reason. See doc/from-spamdyke.md.\n"},
    {"queue", &command_queue, "[list|show|retry|hold|release|bounce|drop] [ID...] [OPTION...]",
     "the messages of the embedded spool: show them, move those for other hosts",
     "  list              all, or those that are meant (the default)\n"
     "  show ID           envelope, what happened, header\n"
     "  retry             now; what was put aside, too\n"
     "  hold, release     out of the schedule, and in again\n"
     "  bounce            its sender is told that it failed\n"
     "  drop              remove it\n"
     "  --sender PATTERN, --to PATTERN, --host PATTERN, --state STATE, --older SECONDS, --all\n"
     "                    which, instead of IDs; STATE is local, remote, held or failed\n"
     "  --dry-run         say which, and do nothing\n"
     "  --yes             do not ask; it is asked on a terminal alone\n"
     "  --json            with list: an array\n\n"
     "ID is a message's name, or the end of it.\n"},
    {"backup", &command_backup, "FILE [--spool] [--mail]",
     "what must outlive this machine, into a new tar file",
     "  --spool         also the messages that wait\n"
     "  --mail          also the Maildirs\n"},
    {"restore", &command_restore, "FILE DIR [--create-users]",
     "a bundle in the new directory DIR, from what backup wrote",
     "  --create-users  as root: make the system users that are missing\n"},
    {"maintenance", &command_maintenance, "[--always] [--log-days DAYS]",
     "a report, if something is to be done or is not as it was",
     "  --always        the report, whatever is in it\n"
     "  --log-days DAYS remove log files that are full and older than that\n"},
    {"run-job", &command_run_job, "NAME", "run a job now, and wait until it has ended", ""},
    {"run", &command_run, "[-d FD]", "the supervisor in the foreground, for systemd, s6 or a container",
     "  -d FD         write a newline to descriptor FD when every service is ready\n\n"
     "systemd is told through NOTIFY_SOCKET.\n"},
    {0, 0, 0, 0, 0}};

static void print_help(void)
{
  printf("usage: mailctl [-c FILE] COMMAND ...\n\n"
         "FILE is $MAILCTL_CONF, or else /etc/mailctl/mailctl.conf.\n\n");
  for (command const *c = commands; c->name; c++)
  {
    char words[80];
    snprintf(words, sizeof words, "%s %s", c->name, c->synopsis);
    printf("  %-28s%s%s\n", words, strlen(words) > 28 ? "\n                               " : " ", c->help);
  }
  printf("\n`mailctl COMMAND --help` says more; see also mailctl(8) and mailctl.conf(5).\n");
}

/* What other versions of mailctl ask. */
static void print_formats(void)
{
  for (format const *f = formats; f->store; f++) printf("%s %u %u\n", f->store, f->oldest, f->newest);
}

static void print_command_help(command const *c)
{
  printf("usage: mailctl [-c FILE] %s%s%s\n\n%c%s.\n", c->name, *c->synopsis ? " " : "", c->synopsis,
         c->help[0] + 'A' - 'a', c->help + 1);
  if (*c->details) printf("\n%s", c->details);
  printf("\nSee mailctl(8).\n");
}

int usage_error(char const *name, char const *wrong)
{
  say(name, ": ", wrong, "; try: mailctl ", name, " --help");
  return EXIT_USAGE;
}

static command const *find(char const *name)
{
  for (command const *c = commands; c->name; c++)
    if (!strcmp(c->name, name)) return c;
  return 0;
}

/* The directories that belong to the program that runs: BIN, and BIN/../libexec/mailctl. */
static int find_directories(context *cx)
{
  static char bin[PATH_MAX];
  static char libexec[PATH_MAX], set[PATH_MAX - sizeof "/libexec/mailctl"];
  ssize_t n = readlink("/proc/self/exe", bin, sizeof bin - sizeof "/../libexec/mailctl");
  char *slash;

  if (n < 0) return -1;
  bin[n] = 0;
  slash = strrchr(bin, '/');
  if (!slash) return (errno = EINVAL, -1);
  *slash = 0;
  slash = strrchr(bin, '/');
  snprintf(set, sizeof set, "%.*s", slash ? (int)(slash - bin) : 0, bin);
  snprintf(libexec, sizeof libexec, "%s/libexec/mailctl", set);
  cx->set = set;
  cx->bin = bin;
  cx->libexec = libexec;
  cx->root = !geteuid();
  return 0;
}

/*
 * The one name of the file, whatever way to its directory was given: paths in service directories come from it. The
 * file itself need not exist, and may be a link, whose own directory counts.
 */
static int find_file(context *cx, char const *given)
{
  char const *file = given ? given : getenv("MAILCTL_CONF");
  char const *slash;
  char way[PATH_MAX], real[PATH_MAX];
  char *absolute;

  if (!file || !*file) file = "/etc/mailctl/mailctl.conf";
  slash = strrchr(file, '/');
  snprintf(way, sizeof way, "%.*s", slash ? (int)(slash + 1 - file) : 1, slash ? file : ".");
  if (!realpath(way, real))
    cx->file = file; /* there is no such directory, which is said when it is read */
  else if (asprintf(&absolute, "%s/%s", strcmp(real, "/") ? real : "", slash ? slash + 1 : file) < 0)
    return -1;
  else
    cx->file = absolute;
  return 0;
}

/* We wait for children, whatever the caller thinks of his. */
static void take_signals(void)
{
  sigset_t none;

  signal(SIGCHLD, SIG_DFL);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, 0);
}

static int wants_help(int argc, char const *const *argv)
{
  for (int i = 1; i < argc; i++)
    if (!strcmp(argv[i], "--help")) return 1;
  return 0;
}

static int run(context *cx, char const *file, int argc, char const *const *argv)
{
  command const *c = find(argv[0]);

  if (!c)
  {
    say("no such command: ", argv[0], "; try: mailctl --help");
    return EXIT_USAGE;
  }
  if (wants_help(argc, argv))
  {
    print_command_help(c);
    return 0;
  }
  if (find_directories(cx) < 0 || find_file(cx, file) < 0)
  {
    say_cannot("find where I am");
    return EXIT_SYSTEM;
  }
  return c->run(cx, argc, argv);
}

/* An answer that nobody got is none. */
static int end(int status)
{
  if (fflush(stdout) >= 0 && !ferror(stdout)) return status;
  say_cannot("write to standard output");
  return status > EXIT_NONE ? status : EXIT_SYSTEM;
}

int main(int argc, char const *const *argv)
{
  context cx = {.file = 0};
  char const *file = 0;
  int i = 1;

  PROG = "mailctl";
  take_signals();
  if (!geteuid()) umask(022); /* the services' users must reach what root makes for them */
  for (; i < argc && argv[i][0] == '-'; i++)
  {
    if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) return print_help(), end(0);
    if (!strcmp(argv[i], "--version")) return puts("mailctl " VERSION), end(0);
    if (!strcmp(argv[i], "--formats")) return print_formats(), end(0);
    if (strcmp(argv[i], "-c") || i + 1 == argc)
    {
      say("what does ", argv[i], " mean here? try: mailctl --help");
      return EXIT_USAGE;
    }
    file = argv[++i];
  }
  if (i == argc) return print_help(), EXIT_USAGE;
  if (!fd_sanitize())
  {
    say_cannot("open /dev/null");
    return EXIT_SYSTEM;
  }
  return end(run(&cx, file, argc - i, argv + i));
}

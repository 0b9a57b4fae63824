#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/allreadwrite.h>
#include <skalibs/djbunix.h>
#include <skalibs/types.h>

#include <services/contract/where.h>

#include <ctl/command/password.h>
#include <ctl/command/people.h>
#include <ctl/command/probing.h>
#include <ctl/command/userline.h>
#include <ctl/live/logs.h>
#include <ctl/say.h>

#define PROBE_TIME                                                                                           \
  10 /* seconds that a listener has beside its greet-delay, or ready-timeout if that is less */
#define PROBES_MAX 64
#define PROBE_NAME "mailctl-probe"

enum
{
  PROBE_OFF,
  PROBE_LIGHT,
  PROBE_FULL
};

typedef struct trial_s trial; /* of one address */
struct trial_s
{
  char const *name; /* the service */
  pid_t pid;
  int said; /* what it says on stderr */
};

typedef struct probing_s probing;
struct probing_s
{
  context const *cx;
  wanted const *w;
  people p; /* full: whose user and Maildir there are for it */
  char password[PASSWD_GENERATED + 1];
  char recipient[600]; /* empty: no message is sent */
  trial trials[PROBES_MAX];
  unsigned int n;
  stralloc *why;
};

/* --- a session with each listener ---------------------------------------------------------------- */

/* What mailctl's own smtpd, and Dovecot, must offer on an address whose TLS does not begin at once. */
static int has_starttls(bundle const *b, section const *s, int imap)
{
  char const *program = imap ? 0 : section_text(s, "program");
  char const *starttls = imap ? 0 : section_text(s, "starttls"); /* offered, if nothing is said */

  return bundle_section(b, "tls") && !(program && *program) && (!starttls || strcmp(starttls, "off") != 0);
}

static unsigned int patience(bundle const *b)
{
  uint64_t ms = section_number(b->self, "ready-timeout");

  return ms < 1000 ? 1 : ms < PROBE_TIME * 1000 ? (unsigned int)(ms / 1000) : PROBE_TIME;
}

static int is_overloaded(bundle const *b)
{
  char path[4096];

  snprintf(path, sizeof path, "%s/overloaded", b->control);
  return !access(path, F_OK);
}

/* It reads what a server says: not as root. */
static void become(probing const *x, char const *const *argv, trial const *t, int said, int asked)
{
  sigset_t none;

  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, 0);
  if (dup2(asked, 0) < 0 || dup2(said, 2) < 0 || close_range(3, ~0u, 0) < 0) _exit(111);
  execvp(argv[0], (char *const *)argv);
  fprintf(stderr, "unable to run %s for %s below %s: %s\n", argv[0], t->name, x->cx->libexec,
          strerror(errno));
  _exit(111);
}

static int start(probing *x, trial *t, char const *const *argv)
{
  int said[2], asked[2];

  if (pipecoe(said) < 0) return -1;
  if (pipecoe(asked) < 0) return (fd_close(said[0]), fd_close(said[1]), -1);
  t->pid = fork();
  if (!t->pid) become(x, argv, t, said[1], asked[0]);
  fd_close(said[1]);
  fd_close(asked[0]);
  /* As much as a pipe holds, whether it is read or not. */
  if (t->pid > 0 && x->password[0]) (void)allwrite(asked[1], x->password, strlen(x->password));
  fd_close(asked[1]);
  t->said = said[0];
  return t->pid < 0 ? -1 : 0;
}

/* sender: this is the address by which the message is sent. */
static int start_one(probing *x, char const *name, section const *s, char const *address, int imap,
                     int sender)
{
  bundle const *b = &x->w->b;
  char const *user = section_text(b->self, "user");
  int tls = strstr(address, "/tls") != 0;
  char program[4096], seconds[UINT_FMT + 1];
  char const *argv[20];
  unsigned int n = 0;

  snprintf(program, sizeof program, "%s/probe", x->cx->libexec);
  seconds[uint_fmt(seconds,
                   patience(b) + (unsigned int)(imap ? 0 : section_number(s, "greet-delay") / 1000))] = 0;
  if (b->root && user && *user) argv[n++] = "s6-setuidgid", argv[n++] = user;
  argv[n++] = program;
  argv[n++] = "-t", argv[n++] = seconds;
  if (imap) argv[n++] = "-i";
  if (!tls && has_starttls(b, s, imap)) argv[n++] = "-s";
  if (is_overloaded(b)) argv[n++] = "-4";
  if (sender && x->password[0]) argv[n++] = "-u", argv[n++] = PROBE_NAME;
  if (sender) argv[n++] = "-m", argv[n++] = x->recipient;
  argv[n++] = address;
  argv[n] = 0;
  x->trials[x->n] = (trial){.name = name};
  if (start(x, x->trials + x->n, argv) < 0) return -1;
  x->n++;
  return 0;
}

static int start_service(probing *x, char const *name, int imap, int *sender, int argc,
                         char const *const *names)
{
  section const *s = bundle_section(&x->w->b, name);
  value const *v;
  char const *list, *word;
  size_t len;
  int result = 0;

  if (!s || !plan_find(&x->w->p, name) || !plan_chosen(&x->w->p, name, argc, names)) return 0;
  for (size_t i = 0; !result && (v = section_nth(s, "listen", i)); i++)
    for (list = v->text; !result && (len = list_word(&list, &word)) && x->n < PROBES_MAX;)
    {
      char *address = strndup(word, len);
      result = address ? start_one(x, name, s, address, imap, *sender) : -1;
      *sender = 0;
      free(address);
    }
  return result;
}

static void show_log(bundle const *b, char const *name)
{
  stralloc dir = STRALLOC_ZERO, lines = STRALLOC_ZERO, text = STRALLOC_ZERO;

  if (service_append(&dir, "%s/%s", b->log, name) >= 0 && stralloc_0(&dir) &&
      logs_tail(&lines, dir.s, 10, 0) >= 0 && logs_human(&text, lines.s, lines.len, "  ") >= 0)
    allwrite(2, text.s, text.len);
  stralloc_free(&dir);
  stralloc_free(&lines);
  stralloc_free(&text);
}

static void fail(probing *x, char const *name, char const *how)
{
  size_t base = x->why->len;

  if (service_append(x->why, "%s%s %s", base ? "; " : "", name, how) >= 0 && stralloc_0(x->why))
  {
    x->why->len--;
    say(x->why->s + base + (base ? 2 : 0));
  }
  show_log(&x->w->b, name);
}

static void finish_one(probing *x, trial const *t)
{
  char said[700] = "does not pass the probe: ";
  size_t n = strlen(said);
  int wstat;

  n += allread(t->said, said + n, sizeof said - 1 - n);
  said[n] = 0;
  said[strcspn(said, "\n")] = 0;
  fd_close(t->said);
  if (waitpid_nointr(t->pid, &wstat, 0) < 0 || wstat) fail(x, t->name, said);
}

/* --- a user and a Maildir for it alone ----------------------------------------------------------- */

static void remove_user(probing *x)
{
  userline gone = {.name = PROBE_NAME, .what = USERLINE_REMOVE};

  if (x->p.users.len) (void)people_edit(&x->p, &x->p.users, &userline_edit, &gone, 0);
  if (x->p.mail.len && people_exists(&x->p, PROBE_NAME))
    (void)people_maildir(&x->p, "--purge", PROBE_NAME, 0);
}

/* Where a message can be sent to: PROBE_NAME at the first domain that is a name; else nothing is sent. */
static void find_recipient(probing *x)
{
  size_t const *at = genalloc_s(size_t, &x->p.map.domains);

  for (size_t n = genalloc_len(size_t, &x->p.map.domains); n && x->p.mail.len; n--, at++)
  {
    char const *domain = x->p.map.text.s + *at;
    if (*domain == '.') continue;
    snprintf(x->recipient, sizeof x->recipient, "%s@%s", PROBE_NAME, domain);
    break;
  }
}

static int make_user(probing *x)
{
  userline line = {.name = PROBE_NAME, .what = USERLINE_CLAIM};
  char program[4096];

  if (people_of(&x->p, x->cx, x->w, "up") || (remove_user(x), find_recipient(x), 0)) return -1;
  if (x->p.mail.len && people_maildir(&x->p, "--make", PROBE_NAME, 0)) return -1;
  if (!x->p.users.len || !bundle_section(&x->w->b, "submission")) return 0;
  snprintf(program, sizeof program, "%s/checkpassword-file", x->cx->libexec);
  if (people_edit(&x->p, &x->p.users, &userline_edit, &line, 0) || passwd_generate(x->password) < 0)
    return -1;
  return passwd_set(program, x->p.users.s, auth_users_owner(&x->w->b), PROBE_NAME, x->password) ? -1 : 0;
}

static int has_arrived(probing const *x)
{
  char path[4096];
  DIR *d;
  struct dirent *e;
  int found = 0;

  snprintf(path, sizeof path, "%s/%s/new", x->p.mail.s, PROBE_NAME);
  d = opendir(path);
  while (d && !found && (e = readdir(d))) found = e->d_name[0] != '.';
  if (d) closedir(d);
  return found;
}

static void await_message(probing *x)
{
  for (unsigned int ms = 0; ms < patience(&x->w->b) * 1000; ms += 20)
  {
    if (has_arrived(x)) return;
    usleep(20000);
  }
  fail(x, "spool", "does not pass the probe: a message that was answered 250 did not arrive");
}

/* ------------------------------------------------------------------------------------------------- */

static int run_all(probing *x, int argc, char const *const *names)
{
  bundle const *b = &x->w->b;
  int sender = x->recipient[0] != 0, sends;
  /* Whoever sends first is the one who is asked for it: people, else strangers. */
  int result = start_service(x, "submission", 0, &sender, argc, names) < 0 ||
                       start_service(x, "smtpd", 0, &sender, argc, names) < 0
                   ? -1
                   : 0;

  sends = x->recipient[0] && !sender;
  if (!result) result = start_service(x, "imap", 1, &(int){0}, argc, names);
  for (unsigned int i = 0; i < x->n; i++) finish_one(x, x->trials + i);
  if (!result && sends && !x->why->len && !bundle_qmail(b)) await_message(x);
  return result;
}

int probing_run(context const *cx, wanted const *w, int argc, char const *const *names, stralloc *why)
{
  static probing const none = {.n = 0};
  uint64_t how = section_number(w->b.self, "probe");
  probing x = none;
  int result = 0;

  if (how == PROBE_OFF) return 0;
  x.cx = cx;
  x.w = w;
  x.why = why;
  why->len = 0;
  if (how == PROBE_FULL) result = make_user(&x);
  if (!result) result = run_all(&x, argc, names);
  if (how == PROBE_FULL) remove_user(&x);
  explicit_bzero(x.password, sizeof x.password);
  if (result < 0 && !why->len && stralloc_cats(why, "the probe could not be made"))
    say("the probe could not be made");
  if (why->len && !stralloc_0(why)) return EXIT_SYSTEM;
  return result < 0 || why->len ? EXIT_NO : 0;
}

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <runlib/entries.h>
#include <runlib/run.h>
#include <runlib/users.h>

#include <services/contract/where.h>

#include <ctl/command/password.h>
#include <ctl/command/people.h>
#include <ctl/command/user.h>
#include <ctl/command/userline.h>
#include <ctl/command/usershow.h>
#include <ctl/say.h>

#define SENDERS_MAX 64

typedef struct wish_s wish;
struct wish_s
{
  char name[MAPPING_NAME_MAX + 1];
  uint64_t quota;
  int quota_said;
  int no_password;
  int purge;
  unsigned int added;
  unsigned int taken;
  char const *senders[SENDERS_MAX + 1]; /* that he may use from now on */
  char const *others[SENDERS_MAX + 1];  /* and no longer */
};

/* --- what is changed --------------------------------------------------------------------------------- */

static int user_line(people const *p, char const *name, userline_what what, char const *hash, uint64_t quota,
                     int *n)
{
  userline u = {.name = name, .what = what, .hash = hash, .quota = quota};

  *n = 0;
  return p->users.len ? people_edit(p, &p->users, &userline_edit, &u, n) : 0;
}

int user_make(people const *p, char const *name, char const *hash, uint64_t quota)
{
  int n, status = user_line(p, name, USERLINE_CLAIM, hash, quota, &n);

  if (status) return status;
  if (p->users.len ? !n : people_exists((void *)p, name)) return EXIT_NO;
  if (p->mail.len) status = people_maildir(p, "--make", name, quota ? &quota : 0);
  if (status) user_line(p, name, USERLINE_REMOVE, 0, 0, &n);
  return status;
}

int user_password(people const *p, char const *name, char const *password)
{
  char program[PATH_MAX];
  int status;

  snprintf(program, sizeof program, "%s/checkpassword-file", p->cx->libexec);
  status = passwd_set(program, p->users.s, auth_users_owner(&p->w.b), name, password);
  if (status >= 0) return status;
  say_cannot("run ", program);
  return EXIT_SYSTEM;
}

typedef struct senders_edit_s senders_edit;
struct senders_edit_s
{
  char const *name;
  char const *const *words; /* 0: the whole entry goes */
  int add;
};

static int senders_change(stralloc *out, char const *text, size_t len, void *data)
{
  senders_edit const *e = data;
  int n = 0;

  if (e->add) return entries_add(out, text, len, e->name, e->words);
  if (!e->words) return entries_remove(out, text, len, e->name, 0);
  for (char const *const *w = e->words; *w && n >= 0; w++)
  {
    stralloc was = *out;
    int r;
    *out = stralloc_zero;
    r = entries_remove(out, w == e->words ? text : was.s, w == e->words ? len : was.len, e->name, *w);
    n = r < 0 ? -1 : n + r;
    stralloc_free(&was);
  }
  return n;
}

static int user_senders(people const *p, wish const *x)
{
  senders_edit add = {.name = x->name, .words = x->senders, .add = 1};
  senders_edit del = {.name = x->name, .words = x->others};
  int status = x->added ? people_edit(p, &p->senders, &senders_change, &add, 0) : 0;

  return status || !x->taken ? status : people_edit(p, &p->senders, &senders_change, &del, 0);
}

/*
 * Ends what sessions of IMAP there are. Dovecot looks at the file again each second: who comes back within that is let in, and
 * ended, too.
 */
static void user_kick(people const *p, char const *name)
{
  struct timespec pause = {.tv_sec = 1, .tv_nsec = 200000000};
  char file[PATH_MAX];
  char const *const argv[] = {"doveadm", "-c", file, "kick", name, 0};
  stralloc said = STRALLOC_ZERO;

  snprintf(file, sizeof file, "%s/imap/dovecot.conf", p->w.b.run);
  /* It answers 68 where there is none to end. */
  if (!bundle_section(&p->w.b, "imap") || access(file, R_OK) < 0) return;
  for (unsigned int i = 0; i < 2; i++)
  {
    if (i) nanosleep(&pause, 0);
    if (run_wait(argv, 0, 0, &said, 10000) < 0) say_cannot("end the IMAP sessions of ", name);
  }
  stralloc_free(&said);
}

/* --- the commands ------------------------------------------------------------------------------------ */

static int user_add(people *p, wish const *x)
{
  char password[USERS_PAIRMAX + 2] = "";
  int asks = p->users.len && !x->no_password;
  int status = asks ? passwd_read("user", x->name, password, sizeof password) : 0;

  if (!status) status = user_make(p, x->name, 0, x->quota);
  if (status == EXIT_NO) say("user: ", x->name, " is there already");
  if (!status && asks) status = user_password(p, x->name, password);
  explicit_bzero(password, sizeof password);
  if (!status) status = user_senders(p, x);
  if (!status && mapping_alias(&p->map, x->name))
    say("user: warning: mail for ", x->name, " goes where the alias of that name says: ", p->aliases.s);
  if (!status) printf("user %s added\n", x->name);
  return status;
}

static int user_set(people *p, wish const *x)
{
  int n, status = 0;

  if (x->quota_said) status = user_line(p, x->name, USERLINE_QUOTA, 0, x->quota, &n);
  if (!status && x->quota_said && p->mail.len && people_exists(p, x->name))
    status = people_maildir(p, "--make", x->name, &x->quota);
  return status ? status : user_senders(p, x);
}

/* No alias leads to who is gone. */
static int user_unlink(stralloc *out, char const *text, size_t len, void *data)
{
  return entries_remove(out, text, len, 0, data);
}

static int user_del(people *p, wish const *x)
{
  senders_edit all = {.name = x->name};
  int known, aliases = 0, status = user_line(p, x->name, USERLINE_REMOVE, 0, 0, &known);
  int mail = p->mail.len && people_exists(p, x->name);

  if (!status && !known && !mail)
  {
    say("user: there is no ", x->name);
    return EXIT_NO;
  }
  if (!status) status = people_edit(p, &p->senders, &senders_change, &all, 0);
  if (!status && p->aliases.len)
    status = people_edit(p, &p->aliases, &user_unlink, (void *)x->name, &aliases);
  if (status) return status;
  user_kick(p, x->name);
  if (mail) status = people_maildir(p, x->purge ? "--purge" : "--retire", x->name, 0);
  if (status) return status;
  printf("user %s removed%s\n", x->name,
         !mail      ? ""
         : x->purge ? ", with all mail"
                    : "; the mail is kept, and is there again after `user add`");
  if (aliases) say("user: aliases lead to ", x->name, " no more: see ", p->aliases.s);
  return 0;
}

static int user_switch(people *p, wish const *x, int on)
{
  int n, status;

  if (!p->users.len)
  {
    say("user: passwords are not mailctl's: see [auth]");
    return EXIT_NO;
  }
  status = user_line(p, x->name, on ? USERLINE_ENABLE : USERLINE_DISABLE, 0, 0, &n);
  if (!status && !on) user_kick(p, x->name);
  if (status || n) return status;
  say("user: ", x->name, on ? " is enabled, or not there" : " is disabled already, or not there");
  return EXIT_NO;
}

/* --- the command line ---------------------------------------------------------------------------------- */

static int user_word(wish *x, int argc, char const *const *argv, int *i)
{
  static key const size = {.name = "quota", .type = KEY_SIZE, .max = INT64_MAX};
  char const *option = argv[*i], *wrong;
  char const *text = *i + 1 < argc ? argv[*i + 1] : "";

  if (!strcmp(option, "--purge")) return x->purge = 1, 0;
  if (!strcmp(option, "--no-password")) return x->no_password = 1, 0;
  ++*i;
  if (!strcmp(option, "--quota"))
  {
    x->quota_said = 1;
    wrong = strcmp(text, "none") ? key_number(&size, text, &x->quota) : 0;
    return wrong ? usage_error("user", "--quota takes a size, such as 500M, or none") : 0;
  }
  if (strcmp(option, "--sender") && strcmp(option, "--no-sender"))
    return usage_error("user", "what is this option?");
  if (!strchr(text, '@') || text[strcspn(text, " \t,#")] || x->added + x->taken == SENDERS_MAX)
    return usage_error("user", "--sender takes an address, or @DOMAIN; at most 64 at a time");
  if (option[2] == 's')
    x->senders[x->added++] = text;
  else
    x->others[x->taken++] = text;
  return 0;
}

static int user_wish(wish *x, int argc, char const *const *argv)
{
  int status = 0;

  for (int i = 3; i < argc && !status; i++) status = user_word(x, argc, argv, &i);
  return status;
}

static int user_do(people *p, char const *what, wish const *x)
{
  if (!strcmp(what, "add")) return user_add(p, x);
  if (!strcmp(what, "set")) return user_set(p, x);
  if (!strcmp(what, "del")) return user_del(p, x);
  if (!strcmp(what, "show")) return user_show(p, x->name);
  return user_switch(p, x, !strcmp(what, "enable"));
}

int command_user(context const *cx, int argc, char const *const *argv)
{
  static char const *const words[] = {"add", "set", "del", "show", "enable", "disable", 0};
  char const *what = argc > 1 ? argv[1] : "list", *const *word = words;
  int list = !strcmp(what, "list"), import = !strcmp(what, "import");
  wish x = {.quota = 0};
  people p;
  int status;

  while (*word && strcmp(*word, what)) word++;
  if (!list && !import && !*word)
    return usage_error(argv[0], "list, add, set, del, show, enable, disable or import");
  if (import ? argc != 4 : list ? argc > 2 : argc < 3)
    return usage_error(argv[0], import ? "import takes FORMAT and FILE"
                                : list ? "list takes nothing more"
                                       : "whose? one NAME");
  status = *word ? user_wish(&x, argc, argv) : 0;
  if (status) return status;
  status = people_load(&p, cx, argv[0]);
  if (!status && *word) status = people_name(&p, argv[2], x.name);
  if (!status)
    status = list ? user_list(&p) : import ? user_import(&p, argv[2], argv[3]) : user_do(&p, what, &x);
  people_free(&p);
  return status;
}

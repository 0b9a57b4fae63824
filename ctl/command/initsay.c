#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctl/command/dnscheck.h>
#include <ctl/command/fresh.h>
#include <ctl/say.h>

/* `mailctl` where the PATH leads to this one. */
static char const *own_name(fresh const *f, char *buf)
{
  char const *path = getenv("PATH");
  size_t n;

  snprintf(buf, PATH_MAX, "%s/mailctl", f->cx->bin);
  for (; path && *path; path += n + (path[n] == ':'))
  {
    char other[PATH_MAX];
    struct stat a, b;
    n = strcspn(path, ":");
    snprintf(other, sizeof other, "%.*s/mailctl", (int)n, path);
    if (access(other, X_OK) < 0) continue;
    return !stat(other, &a) && !stat(buf, &b) && a.st_ino == b.st_ino && a.st_dev == b.st_dev ? "mailctl"
                                                                                              : buf;
  }
  return buf;
}

/* As a word for a shell. */
static void print_word(char const *s)
{
  if (!s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./:@%+,=")])
  {
    fputs(s, stdout);
    return;
  }
  putchar('\'');
  for (; *s; s++) *s == '\'' ? fputs("'\\''", stdout) : putchar(*s);
  putchar('\'');
}

static void print_line(char const *before, char const *path, char const *after)
{
  fputs(before, stdout);
  print_word(path);
  fputs(after, stdout);
}

static int fresh_say_records(fresh const *f)
{
  puts("\nWhat the DNS must have, as lines of a zone file (`mailctl dns` shows them again, `mailctl dns "
       "--check` asks for\n"
       "them). The certificate is one of your own making: see \"Certificates\" in doc/operating.md for a "
       "real one.\n");
  return dns_show(&f->b);
}

int fresh_say(fresh const *f)
{
  char buf[PATH_MAX], culprit[PATH_MAX];
  char const *name = own_name(f, buf);

  printf("%s is ready to run.\n\n"
         "  AUTH name      %s\n"
         "  AUTH password  %s   (shown only this once; `mailctl passwd %s` sets another)\n\n",
         f->directory, FRESH_LOGIN, f->password, FRESH_LOGIN);
  if (f->user)
    printf("It is for a trial: who takes over one of its services has them all, since all run as %s.\n\n",
           f->user);
  puts("Next:");
  if (f->cx->root && reach_try(&f->mail, f->directory, X_OK, culprit) == EACCES)
  {
    print_line("  chmod o+x ", culprit, "   # or the services' users cannot reach what is in it\n");
  }
  print_line("  export MAILCTL_CONF=", f->directory, "/mailctl.conf\n");
  printf("  %s up\n"
         "  swaks --server 127.0.0.1:%d --to postmaster@%s\n"
         "  %s status\n"
         "  %s down\n",
         name, f->domain ? 25 : 2525, fresh_domain(f), name, name);
  if (f->domain && fresh_say_records(f)) return EXIT_SYSTEM;
  if (!fflush(stdout)) return 0;
  say_cannot("write to the standard output");
  return EXIT_SYSTEM;
}

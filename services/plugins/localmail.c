#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <services/plugins/kit.h>

#define LINE 1024 /* bytes of one in a control file */

/* Whether the file has a line for which fits says so. Returns 1, 0 (also: there is no such file), or -1. */
static int localmail_find(char const *file, int (*fits)(char const *line, char const *what), char const *what)
{
  char line[LINE];
  FILE *f = fopen(file, "re");
  int found = 0;

  if (!f) return errno == ENOENT ? 0 : -1;
  while (!found && fgets(line, sizeof line, f))
  {
    line[strcspn(line, "# \t\r\n")] = 0;
    found = *line && fits(line, what);
  }
  if (ferror(f)) found = -1;
  fclose(f);
  return found;
}

static int localmail_is(char const *line, char const *what)
{
  return !strcasecmp(line, what);
}

/* As in rcpthosts: the domain, or `.example.test` for all below it. */
static int localmail_covers(char const *line, char const *domain)
{
  size_t n = strlen(line), d = strlen(domain);

  return !strcasecmp(line, domain) || (*line == '.' && n < d && !strcasecmp(line, domain + d - n));
}

/*
 * Users who may write to our own domains alone. Not to know is to refuse for now: the list is there to be
 * kept.
 */
static void localmail_decide(env const *e, decision *d)
{
  char const *user = env_get(e, "SMTPAUTHUSER"), *address = env_get(e, "SMTPRCPTTO");
  char const *file = env_get(e, "LOCALMAILCONF");
  char const *at = address ? strrchr(address, '@') : 0;
  int listed, ours;

  if (!user || !*user || !at) return;
  listed = localmail_find(file ? file : "control/localonly", &localmail_is, user);
  if (!listed) return;
  ours = listed < 0 ? -1 : localmail_find("control/rcpthosts", &localmail_covers, at + 1);
  if (ours > 0) return;
  if (ours < 0)
  {
    decision_say(d, 'E', "451 4.3.0 unable to read controls");
    decision_log(d, "error: unable to read %s", listed < 0 ? "the list of users" : "control/rcpthosts");
    return;
  }
  decision_say(d, 'E', "550 5.7.1 You are only allowed to send to local addresses.");
  decision_log(d, "blocked from %s to %s", user, address);
}

int main(int argc, char const *const *argv)
{
  static plugin const p = {
      .name = "localmail",
      .help =
          "localmail\n"
          "In [rcpt]: the users in control/localonly may write to the domains in control/rcpthosts alone.\n"
          "LOCALMAILCONF is another file of users.\n",
      .decide = localmail_decide,
  };
  return plugin_run(argc, argv, &p);
}

#include <services/plugins/kit.h>

enum
{
  COUNT = 50,
  SECONDS = 2,
  LONGEST = 20,
  LONGEST_MAX = 3600
};

static int is_letter(char const *how)
{
  return how && (how[0] == 'N' || how[0] == 'M' || how[0] == 'H') && !how[1];
}

/* Seconds for the n-th delayed recipient, n from 1; no more than longest. */
static unsigned int seconds(char const *how, unsigned int fixed, unsigned long long n, unsigned int longest)
{
  unsigned long long s = fixed;

  if (is_letter(how))
  {
    if (n > longest) n = longest; /* none of the three is less than n, and n times n must fit */
    s = how[0] == 'N' ? 2 * n : how[0] == 'M' ? 5 * n : n * n;
  }
  return s < longest ? (unsigned int)s : longest;
}

/* The recipient number TARPITCOUNT is the first that waits. */
static void tarpit_decide(env const *e, decision *d)
{
  char const *how = env_get(e, "TARPITDELAY");
  unsigned int count = COUNT;
  unsigned int longest = LONGEST;
  unsigned int fixed = SECONDS;
  unsigned int all = 0;

  if (env_number(e, "SMTPRCPTCOUNTALL", &all) != 1)
  {
    decision_log(d, "can't get number of envelope recipients");
    return;
  }
  if (env_number(e, "TARPITCOUNT", &count) < 0)
    decision_log(d, "TARPITCOUNT is not a number: taken for %u", count);
  if (env_number(e, "TARPITMAX", &longest) < 0)
    decision_log(d, "TARPITMAX is not a number: taken for %u", longest);
  if (longest > LONGEST_MAX) longest = LONGEST_MAX;
  if (all < count) return;
  if (!is_letter(how) && env_number(e, "TARPITDELAY", &fixed) < 0)
    decision_log(d, "TARPITDELAY is not a number, N, M or H: taken for %u", fixed);
  else if (all == count)
    decision_log(d, "started tarpitting");
  d->delay = 1000 * seconds(how, fixed, (unsigned long long)all - count + 1, longest);
}

int main(int argc, char const *const *argv)
{
  static plugin const p = {
      .name = "tarpit",
      .help = "tarpit\n"
              "In [rcpt]: makes a client that names many recipients wait.\n"
              "TARPITCOUNT: the first recipient that waits (50). TARPITDELAY: how many seconds (2), or\n"
              "N, M, H: 2, 5 or n times n for the n-th that waits. TARPITMAX: never longer than this (20).\n",
      .decide = tarpit_decide,
  };
  return plugin_run(argc, argv, &p);
}

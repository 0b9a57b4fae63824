#include <string.h>

#include <services/plugins/kit.h>

/*
 * j.o.e@example.test becomes joe@example.test, without each of the characters in DOTBLINDSTRIP. An address of
 * which nothing would be left, such as ..@example.test, stays what it is.
 */
static void dotblind_decide(env const *e, decision *d)
{
  char const *address = env_get(e, "SMTPRCPTTO");
  char const *strip = env_get(e, "DOTBLINDSTRIP");
  char const *at = address ? strrchr(address, '@') : 0;
  char local[1024];
  size_t n = 0;

  if (!address)
  {
    decision_log(d, "error: no SMTPRCPTTO");
    return;
  }
  if (!at || (size_t)(at - address) >= sizeof local) return;
  for (char const *s = address; s < at; s++)
    if (!strchr(strip ? strip : ".", *s)) local[n++] = *s;
  if (n && n < (size_t)(at - address)) decision_say(d, 'C', "%.*s%s", (int)n, local, at);
}

int main(int argc, char const *const *argv)
{
  static plugin const p = {
      .name = "dotblind",
      .help = "dotblind\n"
              "In [rcpt]: delivers j.o.e@example.test to joe@example.test.\n"
              "DOTBLINDSTRIP is a list of characters, each of which is left out (.).\n",
      .decide = dotblind_decide,
  };
  return plugin_run(argc, argv, &p);
}

#include <string.h>

#include <services/plugins/kit.h>

/*
 * joe+anything@example.test becomes joe@example.test, for each of the characters in PLUSALIASESCHARS.
 * Nothing is left of +joe@example.test: such an address stays what it is.
 */
static void plusaliases_decide(env const *e, decision *d)
{
  char const *address = env_get(e, "SMTPRCPTTO");
  char const *chars = env_get(e, "PLUSALIASESCHARS");
  char const *at = address ? strrchr(address, '@') : 0;
  size_t n;

  if (!address)
    decision_log(d, "error: no SMTPRCPTTO");
  else if (at)
  {
    n = strcspn(address, chars ? chars : "+");
    if (n && n < (size_t)(at - address)) decision_say(d, 'C', "%.*s%s", (int)n, address, at);
  }
}

int main(int argc, char const *const *argv)
{
  static plugin const p = {
      .name = "plusaliases",
      .help = "plusaliases\n"
              "In [rcpt]: delivers joe+anything@example.test to joe@example.test.\n"
              "PLUSALIASESCHARS is a list of characters, each of which separates (+).\n",
      .decide = plusaliases_decide,
  };
  return plugin_run(argc, argv, &p);
}

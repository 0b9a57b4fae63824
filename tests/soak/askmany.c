#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <runlib/rater.h>

/*
 * askmany SOCKET COUNT: asks COUNT questions, each way the client has, and some that must fail; for valgrind to
 * look at what is left. Prints how many were answered.
 */

int main(int argc, char **argv)
{
  static char const *const nowhere[] = {"/nowhere/socket", "127.0.0.1:1", "nonsense", ""};
  rater_connection c = RATER_CONNECTION(argc > 1 ? argv[1] : "");
  unsigned long answered = 0, count;
  char value[32];

  if (argc != 3) return 100;
  count = strtoul(argv[2], 0, 10);
  for (unsigned long i = 0; i < count; i++)
  {
    uint32_t retry;
    rater_answer a;
    snprintf(value, sizeof value, "v%lu", i % 1000);
    if (i % 50 == 49)
      a = rater_ask(nowhere[i / 50 % 4], "a", value, 1, 100, &retry);
    else if (i % 4 == 3)
      a = rater_ask(argv[1], i % 100 == 3 ? "unknown" : "a", value, i % 3, 10000, &retry);
    else
      a = rater_ask_kept(&c, "a", value, i % 3, 10000, &retry);
    answered += a != RATER_UNAVAILABLE || errno == EREMOTEIO;
  }
  rater_close(&c);
  printf("%lu\n", answered);
  return answered == count - count / 50 ? 0 : 1;
}

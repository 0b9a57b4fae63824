#include <stdio.h>
#include <string.h>

#include <runlib/spoolname.h>

#define SECOND 1000000U

void spoolname_fmt(char *s, struct timespec const *now, unsigned int pid, uint64_t random)
{
  snprintf(s, SPOOLNAME_FMT, "%010llu.M%06uP%uR%016llx", (unsigned long long)now->tv_sec,
           (unsigned int)(now->tv_nsec / 1000), pid, (unsigned long long)random);
}

static size_t number(char const *s, uint64_t *n)
{
  size_t i = 0;

  for (*n = 0; s[i] >= '0' && s[i] <= '9' && i < 18; i++) *n = *n * 10 + (uint64_t)(s[i] - '0');
  return i;
}

uint64_t spoolname_birth(char const *s)
{
  uint64_t seconds, micros;
  size_t i = number(s, &seconds);

  if (!i || i > 12 || s[i] != '.' || s[i + 1] != 'M') return 0;
  s += i + 2;
  i = number(s, &micros);
  return i == 6 && s[i] == 'P' ? seconds * SECOND + micros : 0;
}

uint64_t spoolname_due(uint64_t birth, uint64_t tried, uint64_t now, uint64_t most)
{
  uint64_t pause;

  if (tried <= birth || tried > now) return now;
  pause = tried - birth;
  if (pause < SECOND) pause = SECOND;
  return tried + (pause > most ? most : pause);
}

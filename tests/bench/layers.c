#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <runlib/confine.h>

#include <services/smtpd/listen.h>

/* smtpd --listen, whose sessions leave out the layers of runlib/confine that $WITHOUT names. The linker puts these in their way. */

char const *PROG = "smtpd";

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): the linker's names */
extern int __real_confine_self(void);
extern int __real_confine_resources(unsigned long bytes, unsigned int files, int spawns);
extern int __real_confine_growth(uint64_t bytes);
extern int __real_confine_paths_enter(int set);
extern int __real_confine_calls_enter(confine_calls const *c);
extern int __wrap_confine_self(void);
extern int __wrap_confine_resources(unsigned long bytes, unsigned int files, int spawns);
extern int __wrap_confine_growth(uint64_t bytes);
extern int __wrap_confine_paths_enter(int set);
extern int __wrap_confine_calls_enter(confine_calls const *c);

static int left_out(char const *layer)
{
  char const *s = getenv("WITHOUT");
  return s && strstr(s, layer);
}

int __wrap_confine_self(void)
{
  return left_out("self") ? 0 : __real_confine_self();
}

int __wrap_confine_resources(unsigned long bytes, unsigned int files, int spawns)
{
  return left_out("limits") ? 0 : __real_confine_resources(bytes, files, spawns);
}

int __wrap_confine_growth(uint64_t bytes)
{
  return left_out("limits") ? 0 : __real_confine_growth(bytes);
}

int __wrap_confine_paths_enter(int set)
{
  return left_out("paths") ? 0 : __real_confine_paths_enter(set);
}

int __wrap_confine_calls_enter(confine_calls const *c)
{
  return left_out("calls") ? 0 : __real_confine_calls_enter(c);
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

int main(int argc, char const *const *argv)
{
  return argc > 1 ? listen_main(argc - 1, argv + 1) : 100;
}

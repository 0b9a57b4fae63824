/*
 * Linked into everything that make asan builds: reports go to files, because most of these programs run
 * where nobody reads their stderr. Leaks are make memcheck's matter: programs here end without freeing.
 * SIGSEGV stays what it is, because tests send it and look at how a program died.
 */

extern char const *__asan_default_options(void);

char const *__asan_default_options(void)
{
  return "detect_leaks=0:handle_segv=0:log_path=" SANITIZE_REPORTS "/report";
}

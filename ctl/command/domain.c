#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <runlib/entries.h>

#include <ctl/command/people.h>
#include <ctl/say.h>

/* Domains whose mail is for us: control/rcpthosts, and control/locals where there is one. */

typedef struct domain_edit_s domain_edit;
struct domain_edit_s
{
  char const *domain;
  int add;
};

static int domain_change(stralloc *out, char const *text, size_t len, void *data)
{
  domain_edit const *e = data;

  return e->add ? entries_list_add(out, text, len, e->domain)
                : entries_list_remove(out, text, len, e->domain);
}

static char const *domain_fault(char const *s)
{
  size_t n = strlen(s);

  if (!n || n > 253) return "a domain has up to 253 characters";
  if (s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-.")])
    return "a domain is made of a-z, 0-9, `-` and `.` (another alphabet's as xn--...)";
  if (s[n - 1] == '.' || strstr(s, "..") || *s == '-') return "that is no domain";
  return 0;
}

/* Returns as people_edit. What is not there is made for rcpthosts alone. */
static int domain_edit_file(people const *p, char const *file, domain_edit *e, int *n)
{
  stralloc path = STRALLOC_ZERO;
  struct stat st;
  int status = EXIT_SYSTEM;

  *n = 0;
  if (!stralloc_cats(&path, p->w.b.control) || !stralloc_cats(&path, file) || !stralloc_0(&path))
    say_cannot("find ", file);
  else if (strcmp(file, "/rcpthosts") && stat(path.s, &st) < 0 && errno == ENOENT)
    status = 0;
  else
    status = people_edit(p, &path, &domain_change, e, n);
  stralloc_free(&path);
  return status;
}

/* Mail of a new domain is signed like that of the others. The key is made as the user that it belongs to. */
static int domain_key(people const *p, char const *domain)
{
  char const *const argv[] = {"dkim", "new", domain, 0};
  int wstat;
  pid_t pid;

  if (!bundle_section(&p->w.b, "dkim")) return 0;
  fflush(stdout);
  pid = fork();
  if (!pid) _exit(command_dkim(p->cx, 3, argv));
  if (pid < 0 || waitpid_nointr(pid, &wstat, 0) < 0) return EXIT_SYSTEM;
  return WIFEXITED(wstat) ? WEXITSTATUS(wstat) : EXIT_SYSTEM;
}

static int domain_run(people *p, char const *domain, int add)
{
  domain_edit e = {.domain = domain, .add = add};
  int accepted, local, status = domain_edit_file(p, "/locals", &e, &local);

  /* What is accepted has somewhere to go, at every moment. */
  if (!status) status = domain_edit_file(p, "/rcpthosts", &e, &accepted);
  if (status) return status;
  if (!accepted && !local)
  {
    say("domain: ", domain, add ? " is ours already" : " is none of ours");
    return EXIT_NO;
  }
  people_reload(p);
  if (!add && mapping_local(&p->map, domain))
    say("domain: warning: ", domain, " stays ours by another line of ", p->w.b.control,
        "/locals, me or rcpthosts");
  if (bundle_qmail(&p->w.b)) say("domain: for notqmail to see it: mailctl reload qmail-send");
  return add ? domain_key(p, domain) : 0;
}

static int domain_list(people const *p)
{
  size_t const *place = genalloc_s(size_t, &p->map.domains);

  for (size_t i = 0, n = genalloc_len(size_t, &p->map.domains); i < n; i++)
  {
    size_t k = 0;
    while (k < i && strcmp(p->map.text.s + place[k], p->map.text.s + place[i])) k++;
    if (k == i) puts(p->map.text.s + place[i]);
  }
  return 0;
}

int command_domain(context const *cx, int argc, char const *const *argv)
{
  char const *what = argc > 1 ? argv[1] : "list", *fault;
  int list = !strcmp(what, "list"), add = !strcmp(what, "add");
  char domain[256];
  people p;
  int status;

  if (!list && !add && strcmp(what, "del")) return usage_error(argv[0], "list, add or del");
  if (argc != (list ? (argc > 1) + 1 : 3))
    return usage_error(argv[0], list ? "list takes nothing more" : "which? one DOMAIN");
  snprintf(domain, sizeof domain, "%s", list ? "-" : argv[2]);
  for (char *c = domain; *c; c++) *c = (char)tolower((unsigned char)*c);
  fault = list ? 0 : domain_fault(domain);
  if (fault) return usage_error(argv[0], fault);
  status = people_load(&p, cx, argv[0]);
  if (!status) status = list ? domain_list(&p) : domain_run(&p, domain, add);
  people_free(&p);
  return status;
}

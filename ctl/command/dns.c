#include <stdio.h>
#include <string.h>

#include <runlib/run.h>

#include <ctl/command/command.h>
#include <ctl/command/dnscheck.h>
#include <ctl/machine/load.h>
#include <ctl/machine/records.h>
#include <ctl/say.h>

/* `mailctl dns`: the records that the world must see, and whether it does. */

#define PATIENCE    30000 /* ms for all questions */
#define STRING_MAX  250   /* bytes of one of a TXT record's strings: 255 by the protocol */
#define REASON_SIZE 600

/* --- asking ----------------------------------------------------------------------------------------- */

static int dns_put_questions(stralloc *sa, genalloc const *list)
{
  dnsrecord const *r = genalloc_s(dnsrecord, list);

  for (size_t n = genalloc_len(dnsrecord, list); n; n--, r++)
    if (service_append(sa, "%s %s %s\n", r->name, r->type, r->data) < 0) return -1;
  return 0;
}

/* One who hears strangers is not root. */
static int dns_ask(stralloc *answers, stralloc const *questions, bundle const *b)
{
  section const *s = bundle_section(b, "dns");
  char const *servers = s ? section_text(s, "resolver") : 0;
  stralloc program = STRALLOC_ZERO;
  char const *argv[] = {"s6-setuidgid", bundle_user(b, 0), 0, servers && *servers ? "-n" : 0, servers, 0};
  int drop = b->root && argv[1];
  int result = -1;

  if (service_append(&program, "%s/dnscheck", b->libexec) == 0 && stralloc_0(&program))
  {
    argv[2] = program.s;
    result = run_wait(argv + (drop ? 0 : 2), questions->s, questions->len, answers, PATIENCE);
  }
  if (result < 0)
    say_cannot("ask the DNS with ", program.s ? program.s : "dnscheck");
  else if (result)
    say("dns: dnscheck says: ", stralloc_0(answers) ? answers->s : "nothing");
  stralloc_free(&program);
  return result ? -1 : stralloc_0(answers) ? 0 : -1;
}

/* What is wrong with the record by dnscheck's answer; 0: nothing. */
static char const *dns_wrong(char reason[REASON_SIZE], dnsrecord const *r, char const *answer)
{
  char const *found = strchr(answer, ' ');

  if (!strcmp(answer, "ok") || (r->optional && !strcmp(answer, "missing"))) return 0;
  if (!strcmp(answer, "missing")) return "is not there";
  if (!strcmp(answer, "failed")) return "nobody could tell";
  snprintf(reason, REASON_SIZE,
           !strncmp(answer, "several ", 8) ? "is there more than once, and only one may be: %s"
                                           : "is not %s, but %s",
           !strncmp(answer, "several ", 8) ? (found ? found + 1 : "") : r->data,
           found ? found + 1 : "something else");
  return reason;
}

static int dns_compare(stralloc *said, genalloc const *list, char *answers)
{
  dnsrecord const *r = genalloc_s(dnsrecord, list);
  char reason[REASON_SIZE];
  int bad = 0;

  for (size_t n = genalloc_len(dnsrecord, list); n; n--, r++)
  {
    char *end = strchr(answers, '\n');
    char const *wrong;
    if (!end) return (say("dns: dnscheck has not answered all"), -1);
    *end = 0;
    wrong = dns_wrong(reason, r, answers);
    if (wrong && service_append(said, "%.*s %s: %s: %s\n", (int)strlen(r->name) - 1, r->name, r->type, wrong,
                                r->why) < 0)
      return -1;
    bad += wrong != 0;
    answers = end + 1;
  }
  return bad;
}

int dns_check(stralloc *said, bundle const *b)
{
  genalloc list = GENALLOC_ZERO;
  stralloc notes = STRALLOC_ZERO, questions = STRALLOC_ZERO, answers = STRALLOC_ZERO;
  int result = -1;

  if (records_gather(&list, &notes, b) < 0 || dns_put_questions(&questions, &list) < 0)
    say_cannot("make the DNS records");
  else if (dns_ask(&answers, &questions, b) == 0)
    result = dns_compare(said, &list, answers.s);
  records_free(&list);
  stralloc_free(&notes);
  stralloc_free(&questions);
  stralloc_free(&answers);
  return result;
}

/* --- telling ----------------------------------------------------------------------------------------- */

static void dns_print_text(char const *s)
{
  for (size_t n; *s; s += n)
  {
    n = strlen(s);
    if (n > STRING_MAX) n = STRING_MAX;
    printf(" \"%.*s\"", (int)n, s);
  }
}

static void dns_print(dnsrecord const *r, int width)
{
  if (!strcmp(r->data, "*")) return;
  printf("%-*s IN %-4s", width, r->name, r->type);
  if (!strcmp(r->type, "TXT"))
    dns_print_text(r->data);
  else
    printf(" %s", r->data);
  puts("");
}

int dns_show(bundle const *b)
{
  genalloc list = GENALLOC_ZERO;
  stralloc notes = STRALLOC_ZERO;
  dnsrecord const *r;
  int result = records_gather(&list, &notes, b);
  size_t width = 0, n = genalloc_len(dnsrecord, &list);

  if (result < 0) say_cannot("make the DNS records");
  r = genalloc_s(dnsrecord, &list);
  for (size_t i = 0; !result && i < n; i++)
    if (strlen(r[i].name) > width && strlen(r[i].name) < 50) width = strlen(r[i].name);
  for (size_t i = 0; !result && i < n; i++) dns_print(r + i, (int)width);
  if (!result && notes.len) printf("%.*s", (int)notes.len, notes.s);
  records_free(&list);
  stralloc_free(&notes);
  return result < 0 ? EXIT_SYSTEM : 0;
}

static int dns_check_and_show(bundle const *b)
{
  stralloc said = STRALLOC_ZERO;
  int bad = dns_check(&said, b);

  if (bad > 0) printf("%.*s", (int)said.len, said.s);
  if (!bad) puts("all records are there");
  stralloc_free(&said);
  return bad < 0 ? EXIT_SYSTEM : bad ? EXIT_NO : 0;
}

int command_dns(context const *cx, int argc, char const *const *argv)
{
  wanted w = WANTED_ZERO;
  int check = argc == 2 && !strcmp(argv[1], "--check");
  int status = argc == 1 || check ? wanted_load(&w, cx, 0) : usage_error(argv[0], "it takes --check alone");

  if (!status) status = check ? dns_check_and_show(&w.b) : dns_show(&w.b);
  wanted_free(&w);
  return status;
}

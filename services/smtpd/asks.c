#include <string.h>

#include <services/contract/service.h>

#include "asks.h"
#include "milter.h"
#include "policy.h"

/* The service that listens where text begins. */
static int add_need(service *sv, char const *text)
{
  char address[SERVER_ADDRESS];
  char const *word;
  size_t n = server_word(&text, &word);

  return server_address(word, n, address) ? 0 : service_add_need_at(sv, address);
}

/*
 * The bundle's own policyd is asked first, about users as well: it remembers to whom they write, and who is no stranger is
 * checked for nothing.
 */
static int add_policy(stralloc *sa, service *sv, int submission)
{
  value const *v;

  if (bundle_section(sv->bundle, "policy"))
  {
    stralloc text = STRALLOC_ZERO;
    int ok = service_append(&text, "unix:%s/policy.sock %s users", sv->bundle->run,
                            submission ? "rcpt" : "rcpt,data") == 0 &&
             stralloc_0(&text) && service_word(sa, " -P ", text.s, "") == 0 &&
             service_add_need(sv, "policy") == 0;
    stralloc_free(&text);
    if (!ok) return -1;
  }
  for (size_t i = 0; (v = section_nth(sv->section, "policy", i)); i++)
    if (service_word(sa, " -P ", v->text, "") < 0 || add_need(sv, v->text) < 0) return -1;
  return 0;
}

static int add_milters(stralloc *sa, service *sv)
{
  value const *v;

  for (size_t i = 0; (v = section_nth(sv->section, "milter", i)); i++)
    if (service_word(sa, " -M ", v->text, "") < 0 || add_need(sv, v->text) < 0) return -1;
  return 0;
}

/* Whether messages can be held: by the spool's own code alone. */
static int holds(service const *sv)
{
  char const *queue = section_text(sv->section, "queue");

  return !bundle_qmail(sv->bundle) && !(queue && *queue);
}

static void examine_milters(service const *sv, report *r)
{
  size_t i = 0;
  milter_server m;
  value const *v;

  for (; (v = section_nth(sv->section, "milter", i)); i++)
  {
    char const *wrong = milter_scan(v->text, &m);
    if (wrong) report_line(r, v->line, "[%s] milter: %s", sv->section->kind->name, wrong);
  }
  if (i > MILTERS) report_error(r, sv->section, "milter", "more than six milters");
}

static void examine_policy(service const *sv, report *r)
{
  size_t i = 0;
  policy_server p;
  value const *v;

  for (; (v = section_nth(sv->section, "policy", i)); i++)
  {
    char const *wrong = policy_scan(v->text, &p);
    if (wrong) report_line(r, v->line, "[%s] policy: %s", sv->section->kind->name, wrong);
    if (!wrong && p.hold && !holds(sv))
      report_line(r, v->line, "[%s] policy: hold: %s", sv->section->kind->name,
                  "nothing can be held but in the embedded spool (mta = embedded, and no queue program)");
  }
  if (i + (bundle_section(sv->bundle, "policy") != 0) > POLICY_SERVERS)
    report_error(r, sv->section, "policy", "more than eight policy servers");
}

int asks_add(stralloc *sa, service *sv, int submission)
{
  return add_policy(sa, sv, submission) < 0 ? -1 : add_milters(sa, sv);
}

void asks_examine(service const *sv, report *r)
{
  examine_policy(sv, r);
  examine_milters(sv, r);
}

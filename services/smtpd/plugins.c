#include "session-internal.h"

int plugins_run(session *s, spp_section section, stage at, stralloc *address)
{
  spp_run const run = {.plugins = &s->config->control->plugins,
                       .operations = s->operations,
                       .closed = s->config->plugins_closed,
                       .variable = section == SPP_MAIL                          ? "SMTPMAILFROM"
                                   : section == SPP_RCPT || section == SPP_PASS ? "SMTPRCPTTO"
                                                                                : 0,
                       .address = address,
                       .out = &s->out};
  size_t from = s->out.len;
  int verdict = spp_section_run(&s->spp, section, &run);

  if (verdict < 0) return -1;
  if (verdict == SPP_DROP) s->want = SESSION_CLOSE;
  if (verdict == SPP_DROP || verdict == SPP_REFUSE)
  {
    s->reply = from;
    if (refused(s, at, from) < 0) return -1;
    return SPP_REFUSE;
  }
  return verdict;
}

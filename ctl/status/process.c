#include <string.h>

#include <runlib/orphans.h>
#include <runlib/started.h>

#include <ctl/status/look.h>

/* Seconds of CPU time as a share of the time since `before` saw the same process, or since it began. */
static void take_share(look const *l, service_fields *f, process const *p)
{
  service_fields const *old = l->before ? snapshot_find(l->before, f->id) : 0;
  double used = f->cpu_seconds.real;
  double time;
  tain span;

  if (old && old->ticks == f->ticks && old->pid.known == KNOWN && old->pid.n == f->pid.n &&
      old->cpu_seconds.known == KNOWN && tain_less(&l->before->now, &l->s->now))
  {
    tain_sub(&span, &l->s->now, &l->before->now);
    time = (double)span.sec.x + (double)span.nano / 1e9;
    used -= old->cpu_seconds.real;
  }
  else
    time = process_age(p);
  if (time > 0 && used >= 0) status_value_real(&f->cpu, 100 * used / (time < 0.01 ? 0.01 : time));
}

static void take_tree(look const *l, service_fields *f, process const *p)
{
  proctree t;

  if (proctree_sum(&t, l->proc, p) < 0) return;
  status_value_count(&f->memory, t.memory);
  status_value_count(&f->processes, t.processes);
  status_value_real(&f->cpu_seconds, t.cpu);
  take_share(l, f, p);
}

static void take_content(service_fields *f, started const *record, char const *content)
{
  int other = strcmp(record->content, content);

  status_value_text(&f->runs, f->left                     ? "left over"
                              : other || record->replaced ? "restart pending"
                                                          : "current");
  if (f->left)
    status_value_text(&f->runs_reason, "mailctl.conf has it no more; up ends it");
  else if (other || record->replaced)
    status_value_text(&f->runs_reason, other ? "its files changed" : "its program was replaced");
  else
    status_value_none(&f->runs_reason);
}

void look_no_process(service_fields *f)
{
  status_value *const all[] = {&f->cpu,       &f->cpu_seconds, &f->memory,
                               &f->processes, &f->runs,        &f->runs_reason};
  for (unsigned int i = 0; i < sizeof all / sizeof all[0]; i++) status_value_none(all[i]);
}

/* The record knows the process by its start time: what only has its pid is a stranger. */
void look_process(look const *l, service_fields *f, live_status const *st, process const *p,
                  char const *content)
{
  started record = {.pid = 0};
  orphan o;

  if (started_read_at(&record, l->started, f->id) < 0) record.pid = 0;
  if (!st->up && st->supervised) look_no_process(f);
  if (st->up && record.pid == st->pid && p->pid == st->pid && p->start == record.ticks)
  {
    f->ticks = p->start;
    take_content(f, &record, content);
    take_tree(l, f, p);
  }
  o.pid = record.pid;
  o.ticks = record.ticks;
  /* Without a status nobody knows whether the recorded process is the supervised one. */
  if (f->is != STATE_UNKNOWN && record.pid && record.pid != st->pid && orphan_is_left(&o, st->supervised))
    status_value_count(&f->orphan, (uint64_t)o.pid);
}

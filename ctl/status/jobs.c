#include <errno.h>
#include <string.h>

#include <runlib/jobrecord.h>

#include <services/contract/where.h>

#include <ctl/status/snapshot-internal.h>

static int jobs_has(bundle const *b, char const *name)
{
  section const *s = genalloc_s(section, b->sections);

  for (size_t n = genalloc_len(section, b->sections); n; n--, s++)
    if (!strcmp(s->kind->name, "job") && !strcmp(s->argument, name)) return 1;
  return 0;
}

static void jobs_none(service_fields *f)
{
  status_value_none(&f->last_run);
  status_value_none(&f->next_run);
  status_value_none(&f->run_result);
  status_value_none(&f->run_seconds);
}

/* What runs has no result yet. */
static int jobs_take(snapshot *s, service_fields *f, jobrecord const *r)
{
  uint64_t began = r->started / 1000;

  status_value_epoch(&f->last_run, began);
  status_value_epoch(&f->next_run, r->running ? 0 : r->next);
  if (!r->started || r->running)
    status_value_none(&f->run_seconds);
  else
    status_value_count(&f->run_seconds, r->seconds);
  if (*r->result) return snapshot_words(&f->run_result, s, r->result);
  status_value_none(&f->run_result);
  return 0;
}

int snapshot_take_jobs(snapshot *s, stored const *st)
{
  service_fields *f = snapshot_services(s);
  stralloc directory = STRALLOC_ZERO;
  int result = 0;

  for (size_t n = snapshot_count(s); n && !result; n--, f++)
  {
    jobrecord r;
    jobs_none(f);
    if (!jobs_has(&st->b, f->id)) continue;
    directory.len = 0;
    if (job_directory(&directory, &st->b, f->id) < 0)
      result = -1;
    else if (jobrecord_read(&r, directory.s) == 0)
      result = jobs_take(s, f, &r);
    else if (errno != ENOENT)
      f->last_run.known = f->next_run.known = f->run_result.known = f->run_seconds.known = UNKNOWN;
  }
  stralloc_free(&directory);
  return result;
}

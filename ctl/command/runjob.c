#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skalibs/iopause.h>

#include <runlib/jobrecord.h>

#include <services/contract/where.h>

#include <ctl/command/command.h>
#include <ctl/live/history.h>
#include <ctl/live/live.h>
#include <ctl/live/servicedir.h>
#include <ctl/machine/load.h>
#include <ctl/say.h>

/* `mailctl run-job NAME`: the job runs now, as at its time; its end is waited for. */

#define RUN_PAUSE 50 /* ms between two looks at the record */
#define RUN_AGAIN 20 /* looks between two signals: one that comes while snooze begins is lost */

static int run_job_end(char const *name, jobrecord const *r)
{
  printf("%s: %s, after %llu s\n", name, r->result, (unsigned long long)r->seconds);
  return strcmp(r->result, "exit 0") ? EXIT_NO : 0;
}

/* Until a run that is not the one of before has ended. */
static int run_job_wait(char const *name, char const *dir, char const *directory, jobrecord const *before)
{
  static tain const pause = {.sec = TAI_ZERO, .nano = RUN_PAUSE * 1000000};
  jobrecord r = *before;

  for (unsigned int looks = 0; r.started == before->started || r.running; looks++)
  {
    tain at;
    if (r.started == before->started && looks % RUN_AGAIN == 0 && live_control(dir, "a") < 0)
    {
      say_cannot("tell ", name, " to run");
      return EXIT_NONE;
    }
    tain_now_g();
    tain_add(&at, &STAMP, &pause);
    iopause_g(0, 0, &at);
    if (jobrecord_read(&r, directory) < 0) r = *before;
  }
  return run_job_end(name, &r);
}

static int run_job(stored const *s, char const *name)
{
  stralloc dir = STRALLOC_ZERO, directory = STRALLOC_ZERO;
  jobrecord before;
  live_status st;
  int status = EXIT_SYSTEM;

  if (servicedir_path(&dir, s->b.run, name, "") < 0 || job_directory(&directory, &s->b, name) < 0)
    say_cannot("find ", name);
  else if (live_read(dir.s, &st) < 0 || !st.up)
  {
    say("run-job: ", name, " is not up; try: mailctl up ", name);
    status = EXIT_NONE;
  }
  else if (jobrecord_read(&before, directory.s) == 0 && before.running)
  {
    say("run-job: ", name, " runs already");
    status = EXIT_NO;
  }
  else
    status = run_job_wait(name, dir.s, directory.s, &before);
  stralloc_free(&dir);
  stralloc_free(&directory);
  return status;
}

int command_run_job(context const *cx, int argc, char const *const *argv)
{
  stored s = STORED_ZERO;
  section const *one;
  int status = argc == 2 ? stored_load(&s, cx) : usage_error(argv[0], "it takes the name of a job");

  if (!status)
  {
    one = genalloc_s(section, s.b.sections);
    size_t n = genalloc_len(section, s.b.sections);
    while (n && (strcmp(one->kind->name, "job") || strcmp(one->argument, argv[1]))) n--, one++;
    if (!n)
    {
      say("run-job: no job is called ", argv[1], " in what was brought up last");
      status = EXIT_USAGE;
    }
  }
  if (!status)
  {
    tain_now_set_stopwatch_g();
    history_command(&s.b, argc, argv);
    status = run_job(&s, argv[1]);
  }
  stored_free(&s);
  return status;
}

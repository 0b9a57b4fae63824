#ifndef CTL_STATUS_SERVICE_H
#define CTL_STATUS_SERVICE_H

#include <ctl/status/field.h>

/* What can be said of one service: the part of a snapshot (ctl/snapshot.h) that each has. */

typedef enum service_state_e
{
  STATE_UNKNOWN, /* its status cannot be read, or makes no sense */
  STATE_READY,
  STATE_UP, /* runs, and cannot tell when it is ready */
  STATE_STARTING,
  STATE_STOPPING,
  STATE_STOPPED,
  STATE_RETRYING,        /* it died, and will be started again */
  STATE_FAILED,          /* it said that it can never run, and stays down */
  STATE_FAILED_RETRYING, /* it died again and again; it will still be started again */
  STATE_MISSING,         /* it should be supervised and is not */
  STATE_LOST,            /* a logger: the file that it writes to was removed */
  STATES
} service_state;

/* The words of `state`; those of FAILED_RETRYING are `FAILED (retrying)`. */
extern char const *const service_states[STATES];

typedef struct service_facts_s service_fields;
struct service_facts_s
{
  char const *id; /* its name, as text */
  service_state is;
  service_state log_is;
  int left;       /* it runs, and mailctl.conf has it no more */
  int wanted_now; /* it should be ready: nobody held it down by command */
  uint64_t ticks; /* of the process: its start time, with which its pid cannot be mistaken */
  status_value name, state, since, pid, wanted, restarts, last_exit, last_death, cpu, cpu_seconds, memory,
      processes;
  status_value runs;        /* `current`, `restart pending`, or `left over` */
  status_value runs_reason; /* why it is pending */
  status_value log, log_pid, orphan;
  status_value last_run, next_run, run_result, run_seconds; /* of a job */
};

#endif

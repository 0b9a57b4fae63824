#ifndef SERVICES_MONITOR_MONITOR_H
#define SERVICES_MONITOR_MONITOR_H

/*
 * The whole of the monitor: argv[0] is its name, the rest its options and queues (mailctl-monitor(8)). Returns the exit status: 0 after TERM; ends the program by itself
 * with 100 for bad usage and 111 where it cannot begin.
 */
extern int monitor_run(int argc, char const *const *argv);

#endif

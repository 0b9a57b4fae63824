#ifndef RUNLIB_STARTED_H
#define RUNLIB_STARTED_H

#include <stdint.h>
#include <sys/types.h>

/*
 * RUN/started/NAME: what runs now under a service's name. The run script writes it (program `started`) just
 * before it becomes the daemon, so that up and status know the process from a stranger that got its pid
 * later, and know what it was started from. Text, a line each:
 *
 *   PID STARTTIME CONTENT FILE   STARTTIME: field 22 of /proc/PID/stat, ticks since boot; CONTENT: a hash, hex; FILE:
 *                                this very file, as DEV:INO, so that one that was copied with its bundle counts for
 *                                nothing: what it names runs for the original
 *   DEV INO SIZE MTIME PATH      a program, as it was then; MTIME in nanoseconds; a line for each
 */

#define STARTED_CONTENT 32 /* bytes of the hash, in hex, at most */

typedef struct started_s started;
struct started_s
{
  pid_t pid;
  uint64_t ticks;
  char content[STARTED_CONTENT + 1];
  int replaced; /* 1: a program's file is another one by now */
};

/* What FILE is for the file that is open as fd, with a NUL, into s. Returns its length, or -1 and errno. */
#define STARTED_FILE 48
extern int started_file(char s[STARTED_FILE], int fd);
/* Process pid's start time in ticks since boot; 0 where there is no such process (errno ESRCH or other). */
extern uint64_t started_ticks(pid_t pid);
/* Its parent; 0 likewise. */
extern pid_t started_parent(pid_t pid);
/* Reads file. 0, or -1 and errno (ENOENT: never started, or a copy; EINVAL: damaged). */
extern int started_read(started *st, char const *file);
/* The same for a file below the directory that fd has. */
extern int started_read_at(started *st, int fd, char const *file);
/* Writes file, mode 0644, in one step. programs: a path a line, as in the service directory's file `programs`. */
extern int started_write(char const *file, pid_t pid, char const *content, char const *programs, size_t len);

/*
 * RUN/restarts/NAME, `PID STARTTIME`: the process whose end is commanded though the service stays wanted
 * (s6-svc -r says it to nobody). Its finish script asks, so that a restart by command is no death. A mark
 * that is younger than the record is this process's too: its own record could not be written.
 */
extern int started_mark(char const *file, pid_t pid);
extern int started_is_marked(char const *file, started const *st);

#endif

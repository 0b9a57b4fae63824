#ifndef CTL_COMMAND_DIFF_H
#define CTL_COMMAND_DIFF_H

/*
 * Shows what diff(1) says of two trees below dir. 0, or -1 where they could not be compared, which is said.
 */
extern int diff_show(char const *dir, char const *from, char const *to);
/* From 1 to 0, a signal ends that diff alone, so that its caller can clean up. */
extern void diff_hold(int held);

#endif

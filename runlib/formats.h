#ifndef RUNLIB_FORMATS_H
#define RUNLIB_FORMATS_H

/*
 * What is kept on disk from one version of the software to the next, and in which format. The newest is what is written,
 * once STATE/formats says so, which a generation that is healthy, and confirmed, brings about: until then a daemon writes what it found,
 * so that the software before can be gone back to. Whoever changes a format raises its number here.
 */
typedef struct format_s format;
struct format_s
{
  char const *store;
  unsigned int oldest; /* that can be read */
  unsigned int newest;
};

extern format const formats[]; /* ends at a row whose store is 0 */

#endif

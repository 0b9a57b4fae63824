#ifndef RUNLIB_SAMEFILE_H
#define RUNLIB_SAMEFILE_H

#include <sys/stat.h>

/* Whether a file is as it was, for those who read it again when it has changed. */
static inline int samefile(struct stat const *a, struct stat const *b)
{
  return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
         a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
         a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

#endif

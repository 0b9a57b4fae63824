#ifndef RUNLIB_CONFINE_INTERNAL_H
#define RUNLIB_CONFINE_INTERNAL_H

/* A sanitizer's run-time opens files, starts threads, and maps terabytes; valgrind (make memcheck) as well. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

#endif

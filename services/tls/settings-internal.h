#ifndef TLS_SETTINGS_INTERNAL_H
#define TLS_SETTINGS_INTERNAL_H

#include <stddef.h>

/* tlsd's configuration file; tlsd(8) has the format. */

#define CERTIFICATES_MAX 32

typedef struct certificate_files_s certificate_files;
struct certificate_files_s
{
  char const *certificate;
  char const *key; /* the same as certificate where the file names none */
};

typedef struct settings_s settings;
struct settings_s
{
  certificate_files files[CERTIFICATES_MAX];
  unsigned int nfiles;
  unsigned int minor; /* the oldest protocol: TLS 1.minor */
  char const *ciphers;
  char const *groups;
  unsigned int handshake; /* milliseconds, as all times here */
  unsigned int idle;
  unsigned int drain;   /* 0: no bound */
  unsigned int workers; /* sessions at once */
  unsigned int per_client;
  unsigned int spare; /* workers that wait for a session */
};

/*
 * Reads text (a NUL-terminated string that it cuts up and that must outlive st). Returns 0, or what is
 * wrong in words, with *line set (0: the file as a whole).
 */
extern char const *settings_scan(settings *st, char *text, unsigned int *line);

#endif

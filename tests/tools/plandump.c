#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <skalibs/djbunix.h>

#include <services/contract/kinds.h>

#include <ctl/conf/conf.h>
#include <ctl/plan/manifest.h>
#include <ctl/plan/plan.h>

/*
 * plandump CONF DIRECTORY: writes the service directories of the plan that CONF becomes below DIRECTORY, as if it were
 * /etc/mailctl/mailctl.conf of a mailctl in /usr that root starts; and the plan's manifest. Exit 0, 102 with the mistakes
 * on stderr, or 111.
 */

static void plandump_put(char const *directory, char const *name, char const *path, char const *bytes,
                         size_t len, mode_t mode)
{
  char full[4096];

  snprintf(full, sizeof full, "%s/%s%s%s", directory, name, *path ? "/" : "", path);
  for (char *slash = strchr(full + strlen(directory) + 1, '/'); slash; slash = strchr(slash + 1, '/'))
  {
    *slash = 0;
    if (mkdir(full, 0755) < 0 && errno != EEXIST) _exit(111);
    *slash = '/';
  }
  if (!openwritenclose_unsafe(full, bytes, len) || chmod(full, mode) < 0) _exit(111);
}

int main(int argc, char **argv)
{
  conf c = CONF_ZERO;
  report r = REPORT_ZERO;
  stralloc bytes = STRALLOC_ZERO, manifest = STRALLOC_ZERO;
  bundle b;
  plan p = PLAN_ZERO;

  umask(022);
  if (argc != 3 || !openslurpclose(&bytes, argv[1]) || (mkdir(argv[2], 0755) < 0 && errno != EEXIST))
    return 111;
  r.file = argv[1];
  if (conf_parse(&c, "/etc/mailctl/mailctl.conf", bytes.s, bytes.len, &r) < 0 ||
      bundle_fill(&b, &c, "/usr/libexec/mailctl", "/usr/bin", 1) < 0 || plan_make(&p, &b, &r) < 0)
    return 111;
  if (r.text.len) fwrite(r.text.s, 1, r.text.len, stderr);
  if (r.errors) return 102;
  for (size_t i = 0; i < plan_count(&p); i++)
  {
    service const *sv = &plan_services(&p)[i].sv;
    service_file const *f = genalloc_s(service_file, &sv->files);

    for (size_t n = genalloc_len(service_file, &sv->files); n; n--, f++)
      plandump_put(argv[2], sv->name, f->path, f->bytes.s, f->bytes.len, f->mode);
  }
  if (plan_manifest(&p, &manifest) < 0) return 111;
  plandump_put(argv[2], "manifest", "", manifest.s, manifest.len, 0644);
  return 0;
}

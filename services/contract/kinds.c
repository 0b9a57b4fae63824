#include <string.h>

#include <services/contract/bundle.h>
#include <services/contract/kinds.h>

service_kind const *kinds_next(kinds_walk *w)
{
  while (kinds[w->directory])
  {
    service_kind const *k = kinds[w->directory] + w->row;
    if (k->section.name || k->service)
    {
      w->row++;
      return k;
    }
    w->directory++;
    w->row = 0;
  }
  return 0;
}

/* Whether an earlier row has the same section: two services may be made from one. */
static int seen(service_kind const *kind)
{
  kinds_walk w = KINDS_WALK_ZERO;
  service_kind const *k;

  while ((k = kinds_next(&w)) && k != kind)
    if (k->section.name && !strcmp(k->section.name, kind->section.name)) return 1;
  return 0;
}

section_kind const *kinds_next_section(kinds_walk *w)
{
  service_kind const *k;

  if (!w->begun)
  {
    w->begun = 1;
    return &bundle_kind;
  }
  while ((k = kinds_next(w)))
    if (k->section.name && !seen(k)) break;
  return k ? &k->section : 0;
}

section_kind const *kinds_section(char const *name)
{
  kinds_walk w = KINDS_WALK_ZERO;
  service_kind const *k;

  if (!strcmp(bundle_kind.name, name)) return &bundle_kind;
  while ((k = kinds_next(&w)))
    if (k->section.name && !strcmp(k->section.name, name)) return &k->section;
  return 0;
}

char const *kind_service(service_kind const *k)
{
  if (!k->make) return 0;
  if (k->service) return k->service;
  return k->section.argument ? 0 : k->section.name;
}

service_kind const *kind_of(service const *sv)
{
  kinds_walk w = KINDS_WALK_ZERO;
  service_kind const *k;

  while ((k = kinds_next(&w)))
  {
    char const *name = kind_service(k);
    if (name ? !strcmp(name, sv->name) : sv->section && sv->section->kind == &k->section) return k;
  }
  return 0;
}

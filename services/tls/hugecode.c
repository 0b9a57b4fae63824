#include <link.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "hugecode-internal.h"

#define HUGE_PAGE ((uintptr_t)2 << 20)

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* since Linux 6.1 */
#endif

/* What is read-only of a library lies together, code between data. */
static void find_constant(struct dl_phdr_info const *lib, uintptr_t *from, uintptr_t *to)
{
  *from = UINTPTR_MAX;
  *to = 0;
  for (unsigned int i = 0; i < lib->dlpi_phnum; i++)
  {
    ElfW(Phdr) const *p = lib->dlpi_phdr + i;
    uintptr_t start = lib->dlpi_addr + p->p_vaddr;
    if (p->p_type != PT_LOAD || p->p_flags & PF_W) continue;
    if (start < *from) *from = start;
    if (start + p->p_memsz > *to) *to = start + p->p_memsz;
  }
}

/* Makes the copy, and fails where it would not be in huge pages. */
static int copy(char *to, char const *from, size_t n)
{
  if (madvise(to, n, MADV_HUGEPAGE) < 0) return -1;
  memcpy(to, from, n);
  return madvise(to, n, MADV_COLLAPSE) < 0 || mprotect(to, n, PROT_READ | PROT_EXEC) < 0 ? -1 : 0;
}

static int replace(struct dl_phdr_info *lib, size_t size, void *data)
{
  uintptr_t from;
  uintptr_t to;
  char *room;
  char *aligned;

  (void)size;
  (void)data;
  find_constant(lib, &from, &to);
  from = (from + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1);
  to &= ~(HUGE_PAGE - 1);
  if (from >= to) return 0;
  room = mmap(0, to - from + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) return 0;
  aligned = (char *)(((uintptr_t)room + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1));
  if (copy(aligned, (char const *)from, to - from) == 0)
    (void)mremap(aligned, to - from, to - from, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)from);
  munmap(room, to - from + HUGE_PAGE);
  return 0;
}

void code_in_huge_pages(void)
{
  (void)dl_iterate_phdr(replace, 0);
}

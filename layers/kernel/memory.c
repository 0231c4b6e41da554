//go:build cgo && !noonednn

#define _GNU_SOURCE
#include "memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)
#define ALIGNMENT 64

// A matrix that fills no huge page is better off among others.
void *kernel_pages_new(size_t size) {
	if (size < HUGE_PAGE)
		return aligned_alloc(ALIGNMENT, (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
	char *all = mmap(NULL, size + HUGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED)
		return NULL;
	size_t before = (HUGE_PAGE - (uintptr_t)all % HUGE_PAGE) % HUGE_PAGE, page = 4096;
	size_t used = (size + page - 1) / page * page;
	if (before)
		munmap(all, before);
	if (before + used < size + HUGE_PAGE)
		munmap(all + before + used, (size + HUGE_PAGE) / page * page - before - used);
	madvise(all + before, used, MADV_HUGEPAGE);
	return all + before;
}

void kernel_pages_free(void *bytes, size_t size) {
	if (size < HUGE_PAGE)
		free(bytes);
	else if (bytes)
		munmap(bytes, size);
}

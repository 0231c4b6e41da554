// Memory of packed matrices.
#ifndef CAPMOE_KERNEL_MEMORY_H
#define CAPMOE_KERNEL_MEMORY_H

#include <stddef.h>

// kernel_pages_new is memory that lies in huge pages as far as the system has them; NULL if there is none.
void *kernel_pages_new(size_t size);
void kernel_pages_free(void *bytes, size_t size);

#endif

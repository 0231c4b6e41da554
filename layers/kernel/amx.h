// What products by the matrix unit (AMX) share. A tile is 16 rows of 64 bytes.
#ifndef CAPMOE_KERNEL_AMX_H
#define CAPMOE_KERNEL_AMX_H

#include <stdint.h>

#define AMX __attribute__((target("amx-tile,amx-bf16,avx512f,avx512bf16,avx512vl,avx512bw")))
#define AMX_SIDE 16   // rows, and units of 4 bytes, of a tile
#define AMX_LINE 64   // bytes of a row
#define AMX_TILE 1024 // bytes

// kernel_amx_usable tells whether the CPU has a matrix unit for bf16 and the system lends it.
int kernel_amx_usable(void);

// kernel_amx_configure makes all eight tiles of the calling thread whole; kernel_amx_release ends that.
void kernel_amx_configure(void);
void kernel_amx_release(void);

#endif

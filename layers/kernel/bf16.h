// Rounding of float32 to bf16.
#ifndef CAPMOE_KERNEL_BF16_H
#define CAPMOE_KERNEL_BF16_H

#include <stdint.h>

// kernel_bf16_rows rounds x, rows×k, to dst, whose rows are stride values apart; what lies between them becomes zero. A value's bits are
// those of RoundBF16 in dtype.go, on every CPU.
void kernel_bf16_rows(uint16_t *dst, int64_t stride, const float *x, int64_t rows, int64_t k);

#endif

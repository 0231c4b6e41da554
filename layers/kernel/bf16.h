// Rows of bf16, and the rounding of float32 to it.
#ifndef CAPMOE_KERNEL_BF16_H
#define CAPMOE_KERNEL_BF16_H

#include <stdint.h>

// kernel_given is rows as they come to be multiplied: of float32, or of bf16 already.
typedef struct {
	const void *x;
	int bf16;
} kernel_given;

// kernel_given_from is the same rows from a value on.
static inline kernel_given kernel_given_from(kernel_given x, int64_t value) {
	return (kernel_given){(const char *)x.x + value * (x.bf16 ? 2 : 4), x.bf16};
}

// kernel_bf16_round rounds n values. Their bits are those of RoundBF16 in dtype.go, on every CPU.
void kernel_bf16_round(uint16_t *dst, const float *x, int64_t n);

// kernel_bf16_rows writes x, rows×k, rounded where it is not yet, to dst, whose rows are stride values apart; what lies between them
// becomes zero.
void kernel_bf16_rows(uint16_t *dst, int64_t stride, kernel_given x, int64_t rows, int64_t k);

#endif

//go:build cgo && !noonednn

#include "bf16.h"
#include "clones.h"

#include <string.h>

#define MAGNITUDE 0x7fffffffu
#define SMALLEST_NORMAL 0x00800000u
#define INFINITE 0x7f800000u
#define QUIET 0x00400000u

WIDE void kernel_bf16_round(uint16_t *restrict dst, const float *restrict x, int64_t n) {
	for (int64_t i = 0; i < n; i++) {
		uint32_t bits;
		memcpy(&bits, &x[i], sizeof bits);
		uint32_t magnitude = bits & MAGNITUDE, rounded = bits + 0x7fff + (bits >> 16 & 1);
		rounded = magnitude < SMALLEST_NORMAL ? bits & ~MAGNITUDE : rounded;
		rounded = magnitude > INFINITE ? bits | QUIET : rounded;
		dst[i] = (uint16_t)(rounded >> 16);
	}
}

static void put(uint16_t *dst, kernel_given x, int64_t n) {
	if (x.bf16)
		memcpy(dst, x.x, (size_t)n * sizeof *dst);
	else
		kernel_bf16_round(dst, x.x, n);
}

void kernel_bf16_rows(uint16_t *dst, int64_t stride, kernel_given x, int64_t rows, int64_t k) {
	if (stride == k) {
		put(dst, x, rows * k);
		return;
	}
	for (int64_t i = 0; i < rows; i++, dst += stride) {
		put(dst, kernel_given_from(x, i * k), k);
		memset(dst + k, 0, (size_t)(stride - k) * sizeof *dst);
	}
}

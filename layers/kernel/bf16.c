//go:build cgo && !noonednn

#include "bf16.h"
#include "clones.h"

#include <string.h>

#define MAGNITUDE 0x7fffffffu
#define SMALLEST_NORMAL 0x00800000u
#define INFINITE 0x7f800000u
#define QUIET 0x00400000u

WIDE static void round_any(uint16_t *restrict dst, const float *restrict x, int64_t n) {
	for (int64_t i = 0; i < n; i++) {
		uint32_t bits;
		memcpy(&bits, &x[i], sizeof bits);
		uint32_t magnitude = bits & MAGNITUDE, rounded = bits + 0x7fff + (bits >> 16 & 1);
		rounded = magnitude < SMALLEST_NORMAL ? bits & ~MAGNITUDE : rounded;
		rounded = magnitude > INFINITE ? bits | QUIET : rounded;
		dst[i] = (uint16_t)(rounded >> 16);
	}
}

#ifdef __x86_64__
#include <immintrin.h>

#define BLOCK 32

// round_blocks rounds by the instruction, and returns how many values: whole blocks of them.
__attribute__((target("avx512f,avx512bf16"))) static int64_t round_blocks(uint16_t *dst, const float *x, int64_t n) {
	int64_t i = 0;
	for (; i + BLOCK <= n; i += BLOCK)
		_mm512_storeu_si512(dst + i, (__m512i)_mm512_cvtne2ps_pbh(_mm512_loadu_ps(x + i + BLOCK / 2), _mm512_loadu_ps(x + i)));
	return i;
}

void kernel_bf16_round(uint16_t *dst, const float *x, int64_t n) {
	int64_t done = __builtin_cpu_supports("avx512bf16") ? round_blocks(dst, x, n) : 0;
	round_any(dst + done, x + done, n - done);
}
#else
void kernel_bf16_round(uint16_t *dst, const float *x, int64_t n) { round_any(dst, x, n); }
#endif

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

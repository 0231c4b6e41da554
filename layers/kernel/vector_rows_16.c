//go:build cgo && !noonednn

// Products and sums of single rows where a CPU has AVX-512: 16 values are worked on at a time, in one vector. Rows come from memory, and a core reads
// ahead by itself in the order in which they lie: the less there is to do for a row, the more of them are under way.
#include "vector.h"
#include "unfused.h"

#ifdef __x86_64__
#include "vectors.h"

#include <string.h>

#define LANES 16
#define COLUMNS 8 // of LANES, whose sums stay in registers for
#define ROWS 16   // rows

int kernel_rows_lanes(void) { return __builtin_cpu_supports("avx512f") ? 16 : 8; }

// widened is 16 values from x on.
INLINE_16 __m512 widened(const void *x, const int bf16) {
	return bf16 ? (__m512)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256(x)), 16) : _mm512_loadu_ps(x);
}

// some is the first n of 16 values; the others are zero.
INLINE_16 __m512 some(const void *x, int64_t n, const int bf16) {
	if (n >= LANES)
		return widened(x, bf16);
	if (!bf16)
		return load_some_16(x, n);
	uint16_t own[LANES] = {0};
	memcpy(own, x, (size_t)n * sizeof *own);
	return widened(own, bf16);
}

// product is the lanes of q times a row of so many blocks of 16 values, and rest more.
INLINE_16 __m512 product(const __m512 *q, const char *row, const int64_t blocks, int64_t rest, const int bf16) {
	const int64_t block = LANES * (bf16 ? 2 : 4);
	__m512 sum = _mm512_setzero_ps();
	_Pragma("GCC unroll 8") for (int64_t i = 0; i < blocks; i++)
		sum = _mm512_add_ps(sum, _mm512_mul_ps(q[i], widened(row + i * block, bf16)));
	return rest == 0 ? sum : _mm512_add_ps(sum, _mm512_mul_ps(q[blocks], some(row + blocks * block, rest, bf16)));
}

#define BOTH(x, y, how, lower, upper) _mm512_add_ps(how(x, y, lower), how(x, y, upper))

// totals adds up the 16 values of each of 16, as SUM_LANES in vector.c does: i and i+8, then i and i+4, i and i+2, and the last two.
INLINE_16 __m512 totals(const __m512 x[LANES]) {
	__m512 s[LANES / 2];
	_Pragma("GCC unroll 8") for (int i = 0; i < 8; i++)
		s[i] = BOTH(x[i / 4 * 8 + i % 4], x[i / 4 * 8 + i % 4 + 4], _mm512_shuffle_f32x4, 0x44, 0xee);
	_Pragma("GCC unroll 4") for (int i = 0; i < 4; i++)
		s[i] = BOTH(s[i], s[i + 4], _mm512_shuffle_f32x4, 0x88, 0xdd);
	_Pragma("GCC unroll 2") for (int i = 0; i < 2; i++)
		s[i] = BOTH(s[2 * i], s[2 * i + 1], _mm512_shuffle_ps, 0x44, 0xee);
	return BOTH(s[0], s[1], _mm512_shuffle_ps, 0x88, 0xdd);
}

// some_dots is dots of rows of so many blocks, and rest more.
INLINE_16 void some_dots(float *dst, const float *q, float scale, const char *x, kernel_rows rows, const int64_t blocks, int64_t rest, const int bf16) {
	const int64_t apart = rows.stride * (bf16 ? 2 : 4);
	__m512 own[blocks + 1], sums[LANES];
	for (int64_t i = 0; i < blocks; i++)
		own[i] = _mm512_loadu_ps(q + i * LANES);
	own[blocks] = load_some_16(q + blocks * LANES, rest);
	for (int64_t from = 0; from < rows.n; from += LANES) {
		int64_t n = rows.n - from;
		for (int64_t r = 0; r < LANES; r++)
			sums[r] = r < n ? product(own, x + (from + r) * apart, blocks, rest, bf16) : _mm512_setzero_ps();
		__m512 products = _mm512_mul_ps(_mm512_set1_ps(scale), totals(sums));
		store_some_16(dst + from, _mm512_add_ps(load_some_16(dst + from, n), products), n);
	}
}

// dots has q in registers where heads are as long as those of most models.
INLINE_16 void dots(float *dst, const float *q, float scale, const void *x, kernel_rows rows, const int bf16) {
	if (rows.width == 8 * LANES)
		some_dots(dst, q, scale, x, rows, 8, 0, bf16);
	else if (rows.width == 4 * LANES)
		some_dots(dst, q, scale, x, rows, 4, 0, bf16);
	else
		some_dots(dst, q, scale, x, rows, rows.width / LANES, rows.width % LANES, bf16);
}

VECTORS_16 void kernel_dots_16(float *dst, const float *q, float scale, kernel_given x, kernel_rows rows) {
	if (x.bf16)
		dots(dst, q, scale, x.x, rows, 1);
	else
		dots(dst, q, scale, x.x, rows, 0);
}

// weigh_block adds n·LANES columns of some rows.
INLINE_16 void weigh_block(float *dst, const float *weights, const char *x, int64_t rows, int64_t apart, const int n, const int bf16) {
	__m512 sums[COLUMNS];
	for (int i = 0; i < n; i++)
		sums[i] = _mm512_loadu_ps(dst + i * LANES);
	for (int64_t r = 0; r < rows; r++, x += apart) {
		__m512 weight = _mm512_set1_ps(weights[r]);
		for (int i = 0; i < n; i++)
			sums[i] = _mm512_add_ps(sums[i], _mm512_mul_ps(weight, widened(x + i * LANES * (bf16 ? 2 : 4), bf16)));
	}
	for (int i = 0; i < n; i++)
		_mm512_storeu_ps(dst + i * LANES, sums[i]);
}

// weigh adds all columns of some rows before it reads the next rows.
INLINE_16 void weigh(float *dst, const float *weights, const char *x, kernel_rows rows, const int bf16) {
	const int64_t size = bf16 ? 2 : 4, apart = rows.stride * size;
	for (int64_t from = 0; from < rows.n; from += ROWS) {
		const char *row = x + from * apart;
		int64_t n = from + ROWS < rows.n ? ROWS : rows.n - from, at = 0;
		for (; at + COLUMNS * LANES <= rows.width; at += COLUMNS * LANES)
			weigh_block(dst + at, weights + from, row + at * size, n, apart, COLUMNS, bf16);
		for (; at + COLUMNS / 2 * LANES <= rows.width; at += COLUMNS / 2 * LANES)
			weigh_block(dst + at, weights + from, row + at * size, n, apart, COLUMNS / 2, bf16);
		for (; at < rows.width; at += LANES) {
			int64_t columns = rows.width - at;
			__m512 sum = load_some_16(dst + at, columns);
			for (int64_t r = 0; r < n; r++)
				sum = _mm512_add_ps(sum, _mm512_mul_ps(_mm512_set1_ps(weights[from + r]), some(row + r * apart + at * size, columns, bf16)));
			store_some_16(dst + at, sum, columns);
		}
	}
}

VECTORS_16 void kernel_weigh_16(float *dst, const float *weights, kernel_given x, kernel_rows rows) {
	if (x.bf16)
		weigh(dst, weights, x.x, rows, 1);
	else
		weigh(dst, weights, x.x, rows, 0);
}
#else
#include <stdlib.h>

int kernel_rows_lanes(void) { return 8; }

void kernel_dots_16(float *dst, const float *q, float scale, kernel_given x, kernel_rows rows) { abort(); }

void kernel_weigh_16(float *dst, const float *weights, kernel_given x, kernel_rows rows) { abort(); }
#endif

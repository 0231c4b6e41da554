//go:build cgo && !noonednn

#include "vector.h"
#include "clones.h"

#include <math.h>
#include <string.h>

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#else
#pragma GCC optimize("fp-contract=off")
#endif

#define LANES 16
#define HALF (LANES / 2)
#define LINE 64
#define AHEAD 4096 // bytes
#define SUMS 8 // vectors of them
#define FEW 8  // rows
#define INLINE static inline __attribute__((always_inline))

INLINE float from_bits(uint32_t bits) {
	float v;
	memcpy(&v, &bits, sizeof v);
	return v;
}

INLINE uint32_t to_bits(float v) {
	uint32_t bits;
	memcpy(&bits, &v, sizeof bits);
	return bits;
}

INLINE float power_of_two(int32_t n) { return from_bits((uint32_t)(n + 127) << 23); }

// exp32 is that of vector_portable.go, without branches.
INLINE float exp32(float x) {
	const float magic = 3 << 22;
	float shifted = x * 1.44269504f + magic, n = shifted - magic;
	float r = x - n * 0.693359375f;
	r -= n * -2.12194440e-4f;
	float p = 1.9875691500e-4f;
	p = p * r + 1.3981999507e-3f;
	p = p * r + 8.3334519073e-3f;
	p = p * r + 4.1665795894e-2f;
	p = p * r + 1.6666665459e-1f;
	p = p * r + 5.0000001201e-1f;
	float y = p * (r * r) + r + 1;
	int32_t i = (int32_t)(to_bits(shifted) - to_bits(magic)), half = i >> 1;
	y = y * power_of_two(half) * power_of_two(i - half);
	y = x < -87.33654f ? 0 : y;
	return x > 88.72283f ? INFINITY : y;
}

#define SUM_LANES(lane)                     \
	for (int n = LANES / 2; n > 0; n /= 2)  \
		for (int j = 0; j < n; j++)         \
			lane[j] += lane[j + n];

INLINE float top_of(const float *row, int64_t width, float top) {
	float lane[LANES];
	int64_t i = 0;
	for (int j = 0; j < LANES; j++)
		lane[j] = top;
	for (; i + LANES <= width; i += LANES)
		for (int j = 0; j < LANES; j++)
			lane[j] = row[i + j] > lane[j] ? row[i + j] : lane[j];
	for (; i < width; i++)
		lane[0] = row[i] > lane[0] ? row[i] : lane[0];
	for (int j = 0; j < LANES; j++)
		top = lane[j] > top ? lane[j] : top;
	return top;
}

WIDE void kernel_softmax(float *x, int64_t rows, int64_t width, float more) {
	for (float *row = x; row < x + rows * width; row += width) {
		float top = top_of(row, width, more), lane[LANES] = {0};
		int64_t i = 0;
		for (int64_t j = 0; j < width; j++)
			row[j] = exp32(row[j] - top);
		for (; i + LANES <= width; i += LANES)
			for (int j = 0; j < LANES; j++)
				lane[j] += row[i + j];
		for (int j = 0; i + j < width; j++)
			lane[j] += row[i + j];
		SUM_LANES(lane)
		float scale = 1 / (lane[0] + exp32(more - top));
		for (int64_t j = 0; j < width; j++)
			row[j] *= scale;
	}
}

WIDE static void swiglu(float *restrict dst, const float *restrict gate, const float *restrict up, int64_t n) {
	for (int64_t i = 0; i < n; i++)
		dst[i] = gate[i] / (1 + exp32(-gate[i])) * up[i];
}

WIDE static void clamped(float *restrict dst, const float *restrict row, int64_t n, kernel_gate g) {
	for (int64_t i = 0; i < n; i++) {
		float gate = row[i], up = row[n + i];
		gate = gate > g.limit ? g.limit : gate;
		up = up < -g.limit ? -g.limit : up;
		up = up > g.limit ? g.limit : up;
		dst[i] = gate / (1 + exp32(-(g.alpha * gate))) * (up + 1);
	}
}

void kernel_gate_rows(float *dst, const float *gate_up, int64_t rows, int64_t inner, kernel_gate gate) {
	for (int64_t r = 0; r < rows; r++, dst += inner, gate_up += 2 * inner) {
		if (gate.limit == 0)
			swiglu(dst, gate_up, gate_up + inner, inner);
		else
			clamped(dst, gate_up, inner, gate);
	}
}

WIDE void kernel_norm(float *dst, const float *x, const float *w, kernel_norm_sizes s) {
	for (int64_t r = 0; r < s.rows; r++, x += s.width, dst += s.width) {
		double lane[LANES] = {0};
		int64_t i = 0;
		for (; i + LANES <= s.width; i += LANES)
			for (int j = 0; j < LANES; j++)
				lane[j] += (double)x[i + j] * (double)x[i + j];
		for (int j = 0; i + j < s.width; j++)
			lane[j] += (double)x[i + j] * (double)x[i + j];
		SUM_LANES(lane)
		float scale = (float)(1 / sqrt(lane[0] / (double)s.width + (double)s.eps));
		for (int64_t j = 0; j < s.width; j++)
			dst[j] = w[j] * (x[j] * scale);
	}
}

// The functions that take vectors are inlined everywhere: how they would be called does not matter.
#pragma GCC diagnostic ignored "-Wpsabi"

typedef float eight __attribute__((vector_size(32)));
typedef float four __attribute__((vector_size(16)));
typedef uint32_t words __attribute__((vector_size(32)));
typedef uint16_t halves __attribute__((vector_size(16)));

// sum_pairs adds 16 lanes, which are in two halves, up as SUM_LANES does. Vectors of 16 would go through memory where registers hold 8.
INLINE float sum_pairs(const eight *low, const eight *high) {
	eight half = *low + *high;
	four quarter[2];
	memcpy(quarter, &half, sizeof quarter);
	quarter[0] += quarter[1];
	return (quarter[0][0] + quarter[0][2]) + (quarter[0][1] + quarter[0][3]);
}

// load is values [at, at+n) of x, at most HALF, and zero behind them.
INLINE eight load(const void *x, int64_t at, int64_t n, const int bf16) {
	eight v = {0};
	if (bf16) {
		halves narrow = {0};
		if (n >= HALF)
			memcpy(&narrow, (const uint16_t *)x + at, sizeof narrow);
		else
			for (int64_t i = 0; i < n; i++)
				narrow[i] = ((const uint16_t *)x)[at + i];
		return (eight)(__builtin_convertvector(narrow, words) << 16);
	}
	if (n >= HALF)
		memcpy(&v, (const float *)x + at, sizeof v);
	else
		for (int64_t i = 0; i < n; i++)
			v[i] = ((const float *)x)[at + i];
	return v;
}

// ask asks for the row that will be read some rows behind the r-th: memory takes that long.
INLINE void ask(kernel_given x, kernel_rows rows, int64_t r) {
	const int64_t size = x.bf16 ? 2 : 4, ahead = r + AHEAD / (rows.stride * size);
	const char *row = (const char *)x.x + ahead * rows.stride * size;
	if (ahead >= rows.n) {
		if (!rows.next)
			return;
		row = (const char *)rows.next + (ahead - rows.n) * rows.stride * size;
	}
	for (int64_t i = 0; i < rows.width * size; i += LINE)
		__builtin_prefetch(row + i, 0, 2);
}

INLINE const void *row_of(kernel_given x, kernel_rows rows, int64_t r) { return kernel_given_from(x, r * rows.stride).x; }

INLINE void dots(float *dst, const float *q, float scale, kernel_given x, kernel_rows rows, const int bf16) {
	for (int64_t r = 0; r < rows.n; r++) {
		const void *row = row_of(x, rows, r);
		eight low = {0}, high = {0};
		int64_t i = 0;
		ask(x, rows, r);
		for (; i + LANES <= rows.width; i += LANES) {
			low += load(q, i, HALF, 0) * load(row, i, HALF, bf16);
			high += load(q, i + HALF, HALF, 0) * load(row, i + HALF, HALF, bf16);
		}
		int64_t left = rows.width - i;
		low += load(q, i, left, 0) * load(row, i, left, bf16);
		if (left > HALF)
			high += load(q, i + HALF, left - HALF, 0) * load(row, i + HALF, left - HALF, bf16);
		dst[r] += scale * sum_pairs(&low, &high);
	}
}

WIDE void kernel_dots(float *dst, const float *q, float scale, kernel_given x, kernel_rows rows) {
	if (x.bf16)
		dots(dst, q, scale, (kernel_given){x.x, 1}, rows, 1);
	else
		dots(dst, q, scale, (kernel_given){x.x, 0}, rows, 0);
}

// weigh_some adds SUMS vectors of columns of rows [from, end), which stay in registers meanwhile.
INLINE void weigh_some(float *dst, const float *weights, kernel_given x, kernel_rows rows, int64_t from, int64_t end, const int bf16) {
	eight sums[SUMS];
	memcpy(sums, dst, sizeof sums);
	for (int64_t r = from; r < end; r++) {
		const void *row = row_of(x, rows, r);
		eight weight = weights[r] - (eight){0};
		for (int j = 0; j < SUMS; j++)
			sums[j] += weight * load(row, j * HALF, HALF, bf16);
	}
	memcpy(dst, sums, sizeof sums);
}

// All columns of a few rows are read before the next rows.
INLINE void weigh(float *dst, const float *weights, kernel_given x, kernel_rows rows, const int bf16) {
	for (int64_t from = 0; from < rows.n; from += FEW) {
		int64_t end = from + FEW < rows.n ? from + FEW : rows.n, at = 0;
		for (int64_t r = from; r < end; r++)
			ask(x, rows, r);
		for (; at + SUMS * HALF <= rows.width; at += SUMS * HALF)
			weigh_some(dst + at, weights, kernel_given_from(x, at), rows, from, end, bf16);
		for (int64_t r = from; r < end; r++)
			for (int64_t i = at; i < rows.width; i++)
				dst[i] += weights[r] * load(row_of(x, rows, r), i, 1, bf16)[0];
	}
}

WIDE void kernel_weigh(float *dst, const float *weights, kernel_given x, kernel_rows rows) {
	if (x.bf16)
		weigh(dst, weights, (kernel_given){x.x, 1}, rows, 1);
	else
		weigh(dst, weights, (kernel_given){x.x, 0}, rows, 0);
}

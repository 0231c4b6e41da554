//go:build cgo && !noonednn

#include "vector.h"
#include "clones.h"
#include "unfused.h"

#include <math.h>
#include <string.h>

#define LANES 16

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

WIDE static void clamped(float *restrict dst, const float *restrict gate, const float *restrict up, int64_t n, kernel_gate how) {
	for (int64_t i = 0; i < n; i++) {
		float g = gate[i], u = up[i];
		g = g > how.limit ? how.limit : g;
		u = u < -how.limit ? -how.limit : u;
		u = u > how.limit ? how.limit : u;
		dst[i] = g / (1 + exp32(-(how.alpha * g))) * (u + 1);
	}
}

void kernel_gate_values(float *dst, const float *gate, const float *up, int64_t n, kernel_gate how) {
	if (how.limit == 0)
		swiglu(dst, gate, up, n);
	else
		clamped(dst, gate, up, n, how);
}

void kernel_gate_rows(float *dst, const float *gate_up, int64_t rows, int64_t inner, kernel_gate gate) {
	for (int64_t r = 0; r < rows; r++, dst += inner, gate_up += 2 * inner)
		kernel_gate_values(dst, gate_up, gate_up + inner, inner, gate);
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

WIDE static void turn(float *restrict a, float *restrict b, const float *restrict cos, const float *restrict sin, int64_t n) {
	for (int64_t i = 0; i < n; i++) {
		float x = a[i], y = b[i];
		a[i] = x * cos[i] - y * sin[i];
		b[i] = y * cos[i] + x * sin[i];
	}
}

void kernel_rotate(float *heads, int64_t n, const float *cos, const float *sin, int64_t half) {
	for (int64_t h = 0; h < n; h++, heads += 2 * half)
		turn(heads, heads + half, cos, sin, half);
}

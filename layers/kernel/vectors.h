// Vectors of 16 values by AVX-512 and of 8 by AVX2, under names that end in how many. some_ of them is the first n, where n may be more
// than there are, or none: what follows in memory is left alone, and in a vector zero.
#ifndef CAPMOE_KERNEL_VECTORS_H
#define CAPMOE_KERNEL_VECTORS_H

#include "square.h"

#include <immintrin.h>
#include <stdint.h>

#define VECTORS_16 __attribute__((target("avx512f")))
#define VECTORS_16_BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))
#define VECTORS_8 __attribute__((target("avx2,fma")))
#define INLINE_16 VECTORS_16 __attribute__((always_inline)) static inline
#define INLINE_8 VECTORS_8 __attribute__((always_inline)) static inline

typedef __m512 values_16;
typedef __m256 values_8;

INLINE_16 values_16 load_16(const float *x) { return _mm512_loadu_ps(x); }
INLINE_16 void store_16(float *dst, values_16 v) { _mm512_storeu_ps(dst, v); }
INLINE_16 values_16 every_16(float v) { return _mm512_set1_ps(v); }
INLINE_16 values_16 mul_16(values_16 a, values_16 b) { return _mm512_mul_ps(a, b); }
INLINE_16 values_16 fused_16(values_16 sum, values_16 a, values_16 b) { return _mm512_fmadd_ps(a, b, sum); }
INLINE_16 __mmask16 first_16(int64_t n) { return n >= 16 ? 0xffff : n <= 0 ? 0 : (__mmask16)((1u << n) - 1); }
INLINE_16 values_16 load_some_16(const float *x, int64_t n) { return _mm512_maskz_loadu_ps(first_16(n), x); }
INLINE_16 void store_some_16(float *dst, values_16 v, int64_t n) { _mm512_mask_storeu_ps(dst, first_16(n), v); }
INLINE_16 void turn_16(values_16 r[16]) { kernel_turn(r); }

INLINE_8 values_8 load_8(const float *x) { return _mm256_loadu_ps(x); }
INLINE_8 void store_8(float *dst, values_8 v) { _mm256_storeu_ps(dst, v); }
INLINE_8 values_8 every_8(float v) { return _mm256_set1_ps(v); }
INLINE_8 values_8 mul_8(values_8 a, values_8 b) { return _mm256_mul_ps(a, b); }
INLINE_8 values_8 fused_8(values_8 sum, values_8 a, values_8 b) { return _mm256_fmadd_ps(a, b, sum); }
INLINE_8 __m256i first_8(int64_t n) { return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)); }
INLINE_8 values_8 load_some_8(const float *x, int64_t n) { return n >= 8 ? load_8(x) : _mm256_maskload_ps(x, first_8(n)); }
INLINE_8 void store_some_8(float *dst, values_8 v, int64_t n) {
	if (n >= 8)
		store_8(dst, v);
	else
		_mm256_maskstore_ps(dst, first_8(n), v);
}

// turn_8 swaps rows and columns, as kernel_turn does.
INLINE_8 void turn_8(values_8 r[8]) {
	values_8 t[8];
	for (int i = 0; i < 8; i += 2) {
		t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
		t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
	}
	for (int i = 0; i < 8; i += 4) {
		values_8 even = t[i], odd = t[i + 1], even2 = t[i + 2], odd2 = t[i + 3];
		t[i] = _mm256_shuffle_ps(even, even2, 0x44);
		t[i + 1] = _mm256_shuffle_ps(even, even2, 0xee);
		t[i + 2] = _mm256_shuffle_ps(odd, odd2, 0x44);
		t[i + 3] = _mm256_shuffle_ps(odd, odd2, 0xee);
	}
	for (int i = 0; i < 4; i++) {
		r[i] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x20);
		r[i + 4] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x31);
	}
}

#endif

//go:build cgo && !noonednn

#include "tile.h"
#include "panels.h"

#ifdef __x86_64__
#include "vectors.h"

// What the weights of a unit are multiplied by: a value, or a pair of bf16 at once, or one value of a pair and then the other.
#define WHOLE(lanes, w, part) load_##lanes(w)
#define WIDENED(lanes, w, part) widened_##lanes(w, part)

VECTORS_16_BF16 __attribute__((always_inline)) static inline values_16 pairs_16(values_16 sum, values_16 x, values_16 w) {
	return _mm512_dpbf16_ps(sum, (__m512bh)x, (__m512bh)w);
}

INLINE_8 values_8 widened_8(const float *pairs, int part) {
	__m256i w = _mm256_loadu_si256((const __m256i *)pairs);
	return _mm256_castsi256_ps(part ? _mm256_and_si256(w, _mm256_set1_epi32((int)0xffff0000)) : _mm256_slli_epi32(w, 16));
}

// TILE_OF makes the product of m rows, a constant where it is called, with a panel: name_of; and name, which calls it.
#define TILE_OF(TARGET, name, lanes, PARTS, WEIGHTS, ADD)                                                                    \
	TARGET static inline __attribute__((always_inline)) void name##_of(const kernel_tile *t, const int m) {                  \
		values_##lanes sum[ROWS_##lanes][2];                                                                                 \
		_Pragma("GCC unroll 12") for (int r = 0; r < m; r++) {                                                               \
			float *dst = t->dst + r * t->ld;                                                                                 \
			_mm_prefetch((const char *)dst, _MM_HINT_T0);                                                                    \
			sum[r][0] = t->more ? load_some_##lanes(dst, t->cols) : every_##lanes(0);                                             \
			sum[r][1] = t->more ? load_some_##lanes(dst + lanes, t->cols - lanes) : every_##lanes(0);                             \
		}                                                                                                                    \
		const float *w = t->panel, *x = t->rows;                                                                             \
		const char *ahead = t->ahead;                                                                                        \
		for (int64_t l = 0, end; l < t->units; l = end, ahead += t->next) {                                                  \
			_Pragma("GCC unroll 8") for (int i = 0; i < TILE_LINES; i++)                                                     \
				_mm_prefetch(ahead + i * t->apart, _MM_HINT_T1);                                                             \
			end = kernel_least(l + t->pause, t->units);                                                                      \
			for (int64_t at = l; at < end; at++, w += 2 * lanes) {                                                           \
				_Pragma("GCC unroll 2") for (int part = 0; part < PARTS; part++, x += m) {                                   \
					values_##lanes w0 = WEIGHTS(lanes, w, part), w1 = WEIGHTS(lanes, w + lanes, part);                       \
					_Pragma("GCC unroll 12") for (int r = 0; r < m; r++) {                                                   \
						values_##lanes unit = every_##lanes(x[r]);                                                           \
						sum[r][0] = ADD##_##lanes(sum[r][0], unit, w0);                                                      \
						sum[r][1] = ADD##_##lanes(sum[r][1], unit, w1);                                                      \
					}                                                                                                        \
				}                                                                                                            \
			}                                                                                                                \
		}                                                                                                                    \
		_Pragma("GCC unroll 12") for (int r = 0; r < m; r++) {                                                               \
			store_some_##lanes(t->dst + r * t->ld, sum[r][0], t->cols);                                                           \
			store_some_##lanes(t->dst + r * t->ld + lanes, sum[r][1], t->cols - lanes);                                           \
		}                                                                                                                    \
	}                                                                                                                        \
	TARGET static void name(const kernel_tile *t, int64_t m) {                                                               \
		switch (m) { CASES_##lanes(name) }                                                                                   \
	}

#define CASE(name, m)    \
	case m:              \
		name##_of(t, m); \
		break;

// The sums of so many rows fit in registers: 32 of 16 lanes, 16 of 8.
#define ROWS_16 12
#define ROWS_8 6
#define CASES_8(name) CASE(name, 1) CASE(name, 2) CASE(name, 3) CASE(name, 4) CASE(name, 5) CASE(name, 6)
#define CASES_16(name) CASES_8(name) CASE(name, 7) CASE(name, 8) CASE(name, 9) CASE(name, 10) CASE(name, 11) CASE(name, 12)

TILE_OF(VECTORS_16, avx512_f32, 16, 1, WHOLE, fused)
TILE_OF(VECTORS_16_BF16, avx512_bf16, 16, 1, WHOLE, pairs)
TILE_OF(VECTORS_8, avx2_f32, 8, 1, WHOLE, fused)
TILE_OF(VECTORS_8, avx2_bf16, 8, 2, WIDENED, fused)

// Makes of cores differ in how weights are best asked for: panels_vector.c.
#define KINDS(apart, few)                                            \
	{                                                                \
		[PANELS_F32] = {16, ROWS_16, 512, 1, apart, few, avx512_f32}, \
		[PANELS_BF16] = {16, ROWS_16, 512, 1, 0, few, avx512_bf16},   \
		[PANELS_AVX2_F32] = {8, ROWS_8, 256, 1, 0, few, avx2_f32},    \
		[PANELS_AVX2_BF16] = {8, ROWS_8, 256, 2, 0, few, avx2_bf16},  \
	}

static const kernel_tiles kinds[] = KINDS(1, 0), amd_kinds[] = KINDS(0, 5);

const kernel_tiles *kernel_tiles_of(int kind) { return __builtin_cpu_is("amd") ? &amd_kinds[kind] : &kinds[kind]; }
#else
const kernel_tiles *kernel_tiles_of(int kind) { return 0; }
#endif

//go:build cgo && !noonednn

// Products by vectors of 16: rows are cut into blocks, and blocks into tiles whose sums stay in registers.
#include "panels.h"

#include <stdlib.h>
#include <string.h>

#define TILE 12   // rows whose sums fit in registers, two of them a row
#define BLOCK 120 // rows that go over a block of W while they are in cache
#define DEPTH 512 // units brought into order at a time

// place_tile writes rows as units; of a unit, that of every row.
static void place_tile(const kernel_panels *p, uint32_t *tile, kernel_given x, int64_t rows) {
	uint32_t units[DEPTH];
	for (int64_t r = 0; r < rows; r++) {
		for (int64_t from = 0; from < p->units; from += DEPTH) {
			int64_t depth = kernel_least(DEPTH, p->units - from);
			kernel_panels_units(p, units, kernel_given_from(x, r * p->k), from, depth);
			for (int64_t l = 0; l < depth; l++)
				tile[(from + l) * rows + r] = units[l];
		}
	}
}

int64_t kernel_vector_parts(int64_t m) { return kernel_ceil_div(m, BLOCK); }

void kernel_vector_rows(const kernel_panels *p, uint32_t *rows, kernel_given x, int64_t m, int64_t first, int64_t end) {
	for (int64_t b = first; b < end; b++) {
		int64_t start = kernel_cut(m, BLOCK, b), size = kernel_cut(m, BLOCK, b + 1) - start;
		for (int64_t t = 0; t < kernel_ceil_div(size, TILE); t++) {
			int64_t at = start + kernel_cut(size, TILE, t), n = start + kernel_cut(size, TILE, t + 1) - at;
			place_tile(p, rows + at * p->units, kernel_given_from(x, at * p->k), n);
		}
	}
}

#ifdef __x86_64__
#include <immintrin.h>

#define F32 __attribute__((target("avx512f")))
#define BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))
#define LINE 64

typedef struct {
	const uint32_t *rows; // of the tile, at the first unit of the block
	const uint32_t *w;    // the panel
	const char *ahead;    // weights to ask for, by turns with the other tiles
	int64_t units, step;  // step: bytes of ahead for a unit
	float *dst;
	int64_t ld, cols;
	int more; // dst holds the sums of the blocks before
} tile_product;

#define ADD_F32(sum, x, w) _mm512_fmadd_ps(_mm512_castsi512_ps(x), _mm512_castsi512_ps(w), sum)
#define ADD_BF16(sum, x, w) _mm512_dpbf16_ps(sum, (__m512bh)(x), (__m512bh)(w))

// TILE_OF makes the product of m rows, a constant where it is called, with a panel: name_of; and name, which calls it.
#define TILE_OF(TARGET, name, ADD)                                                                                                \
	TARGET static inline __attribute__((always_inline)) void name##_of(const tile_product *t, const int m) {                      \
		__m512 sum[TILE][2];                                                                                                      \
		__mmask16 low = t->cols >= 16 ? 0xffff : (__mmask16)((1u << t->cols) - 1);                                                \
		__mmask16 high = t->cols >= 32 ? 0xffff : t->cols <= 16 ? 0 : (__mmask16)((1u << (t->cols - 16)) - 1);                    \
		_Pragma("GCC unroll 12") for (int r = 0; r < m; r++) {                                                                    \
			_mm_prefetch((const char *)(t->dst + r * t->ld), _MM_HINT_T0);                                                        \
			sum[r][0] = t->more ? _mm512_maskz_loadu_ps(low, t->dst + r * t->ld) : _mm512_setzero_ps();                           \
			sum[r][1] = t->more ? _mm512_maskz_loadu_ps(high, t->dst + r * t->ld + 16) : _mm512_setzero_ps();                     \
		}                                                                                                                         \
		const uint32_t *w = t->w, *x = t->rows;                                                                                   \
		const char *ahead = t->ahead;                                                                                             \
		for (int64_t l = 0; l < t->units; l++, w += PANELS_WIDTH, x += m, ahead += t->step) {                                     \
			__m512i w0 = _mm512_load_si512(w), w1 = _mm512_load_si512(w + 16);                                                    \
			_mm_prefetch(ahead, _MM_HINT_T1);                                                                                     \
			_mm_prefetch(ahead + LINE, _MM_HINT_T1);                                                                              \
			_Pragma("GCC unroll 12") for (int r = 0; r < m; r++) {                                                                \
				__m512i unit = _mm512_set1_epi32((int)x[r]);                                                                      \
				sum[r][0] = ADD(sum[r][0], unit, w0);                                                                             \
				sum[r][1] = ADD(sum[r][1], unit, w1);                                                                             \
			}                                                                                                                     \
		}                                                                                                                         \
		_Pragma("GCC unroll 12") for (int r = 0; r < m; r++) {                                                                    \
			_mm512_mask_storeu_ps(t->dst + r * t->ld, low, sum[r][0]);                                                            \
			_mm512_mask_storeu_ps(t->dst + r * t->ld + 16, high, sum[r][1]);                                                      \
		}                                                                                                                         \
	}                                                                                                                             \
	TARGET static void name(const tile_product *t, int64_t m) {                                                                   \
		switch (m) {                                                                                                              \
			CASE(name, 1) CASE(name, 2) CASE(name, 3) CASE(name, 4) CASE(name, 5) CASE(name, 6)                                   \
			CASE(name, 7) CASE(name, 8) CASE(name, 9) CASE(name, 10) CASE(name, 11) CASE(name, 12)                                \
		}                                                                                                                         \
	}

#define CASE(name, m)    \
	case m:              \
		name##_of(t, m); \
		break;

TILE_OF(F32, tile_f32, ADD_F32)
TILE_OF(BF16, tile_bf16, ADD_BF16)

// block computes panels [first, end) of the rows [start, start+size) as far as the inputs from unit from on go.
static void block(const kernel_panels *p, tile_product t, const uint32_t *rows, const int64_t at[4], int64_t from) {
	int64_t start = at[0], size = at[1], first = at[2], end = at[3], tiles = kernel_ceil_div(size, TILE);
	float *dst = t.dst;
	t.units = kernel_least(p->depth, p->units - from);
	t.more = from > 0;
	t.step = 2 * LINE / tiles;
	for (int64_t j = first; j < end; j++) {
		t.w = p->w + (from * p->panels + j * t.units) * PANELS_WIDTH;
		t.ahead = (const char *)(t.w + t.units * PANELS_WIDTH);
		t.cols = kernel_least(PANELS_WIDTH, p->n - j * PANELS_WIDTH);
		for (int64_t i = 0; i < tiles; i++, t.ahead += t.units * t.step) {
			int64_t row = start + kernel_cut(size, TILE, i), m = start + kernel_cut(size, TILE, i + 1) - row;
			t.rows = rows + row * p->units + from * m;
			t.dst = dst + row * p->n + j * PANELS_WIDTH;
			if (p->kind == PANELS_BF16)
				tile_bf16(&t, m);
			else
				tile_f32(&t, m);
		}
	}
}

void kernel_vector_mul(const kernel_panels *p, float *dst, const uint32_t *rows, int64_t m, int64_t first, int64_t end) {
	for (int64_t b = 0; b < kernel_ceil_div(m, BLOCK); b++) {
		int64_t start = kernel_cut(m, BLOCK, b);
		for (int64_t from = 0; from < p->units; from += p->depth)
			block(p, (tile_product){.dst = dst, .ld = p->n}, rows, (int64_t[]){start, kernel_cut(m, BLOCK, b + 1) - start, first, end}, from);
	}
}
#else
void kernel_vector_mul(const kernel_panels *p, float *dst, const uint32_t *rows, int64_t m, int64_t first, int64_t end) { abort(); }
#endif

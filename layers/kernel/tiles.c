//go:build cgo && !noonednn

#include "tiles.h"
#include "panels.h"

#include <stdlib.h>
#include <string.h>

#ifdef __x86_64__
#include "square.h"

#define WIDE __attribute__((target("avx512f")))
#define LANES 16
#define TILE 12  // rows whose sums fit in registers, two of them a row
#define COLS 32   // columns of a panel
#define GROUP 128 // columns whose panels are made together
#define BLOCK 72  // rows of A that go over a panel while it is in cache
#define DEPTH 128 // a multiple of LANES

int kernel_tiles_usable(void) { return __builtin_cpu_supports("avx512f"); }

static __mmask16 first_lanes(int64_t n) { return n >= LANES ? 0xffff : n <= 0 ? 0 : (__mmask16)((1u << n) - 1); }

// square is 16 columns of 16 rows, turned: its vector l holds column l. What lies beyond rows and cols counts as zero.
typedef struct {
	__m512 column[LANES];
} square;

WIDE static inline __attribute__((always_inline)) square turned(const float *b, int64_t ldb, int64_t rows, int64_t cols) {
	square s;
	for (int i = 0; i < LANES; i++)
		s.column[i] = i < rows ? _mm512_maskz_loadu_ps(first_lanes(cols), b + i * ldb) : _mm512_setzero_ps();
	kernel_turn(s.column);
	return s;
}

// place_panels writes DEPTH rows of op(B) from row l on, cut into panels of COLS of the columns j to j+cols. What the last panel has beyond
// them makes results that are not kept.
WIDE static void place_panels(float *panels, const kernel_gemm_sizes *s, const float *b, int64_t j, int64_t cols, int64_t l) {
	int64_t depth = kernel_least(DEPTH, s->k - l);
	if (s->trans_b) {
		for (int64_t half = 0; half < cols; half += LANES) {
			float *dst = panels + half / COLS * COLS * DEPTH + half % COLS;
			for (int64_t at = 0; at < depth; at += LANES) {
				square part = turned(b + (j + half) * s->ldb + l + at, s->ldb, cols - half, depth - at);
				for (int i = 0; i < LANES; i++)
					_mm512_storeu_ps(dst + (at + i) * COLS, part.column[i]);
			}
		}
		return;
	}
	for (int64_t i = 0; i < depth; i++) {
		const float *row = b + (l + i) * s->ldb + j;
		for (int64_t half = 0; half < cols; half += LANES)
			_mm512_storeu_ps(panels + half / COLS * COLS * DEPTH + i * COLS + half % COLS, _mm512_maskz_loadu_ps(first_lanes(cols - half), row + half));
	}
}

// place_rows writes alpha times m rows of A, depth of their values, as columns of m. It may write up to LANES·TILE values more.
WIDE static void place_rows(float *rows, const kernel_gemm_sizes *s, const float *a, int64_t m, int64_t depth) {
	__m512 alpha = _mm512_set1_ps(s->alpha);
	for (int64_t l = 0; l < depth; l += LANES) {
		square part = turned(a + l, s->lda, m, depth - l);
		for (int i = 0; i < LANES; i++)
			_mm512_mask_storeu_ps(rows + (l + i) * m, first_lanes(m), _mm512_mul_ps(alpha, part.column[i]));
	}
}

typedef struct {
	const float *rows, *panel;
	int64_t depth, cols, ld;
	float *c;
	int more; // sums go on from C
} tile_product;

WIDE static inline __attribute__((always_inline)) void tile_of(const tile_product *t, const int m) {
	__m512 sum[TILE][2];
	__mmask16 low = first_lanes(t->cols), high = first_lanes(t->cols - LANES);
#pragma GCC unroll 12
	for (int r = 0; r < m; r++) {
		sum[r][0] = t->more ? _mm512_maskz_loadu_ps(low, t->c + r * t->ld) : _mm512_setzero_ps();
		sum[r][1] = t->more ? _mm512_maskz_loadu_ps(high, t->c + r * t->ld + LANES) : _mm512_setzero_ps();
	}
	const float *x = t->rows, *w = t->panel;
	for (int64_t l = 0; l < t->depth; l++, x += m, w += COLS) {
		__m512 w0 = _mm512_loadu_ps(w), w1 = _mm512_loadu_ps(w + LANES);
#pragma GCC unroll 12
		for (int r = 0; r < m; r++) {
			__m512 value = _mm512_set1_ps(x[r]);
			sum[r][0] = _mm512_fmadd_ps(value, w0, sum[r][0]);
			sum[r][1] = _mm512_fmadd_ps(value, w1, sum[r][1]);
		}
	}
#pragma GCC unroll 12
	for (int r = 0; r < m; r++) {
		_mm512_mask_storeu_ps(t->c + r * t->ld, low, sum[r][0]);
		_mm512_mask_storeu_ps(t->c + r * t->ld + LANES, high, sum[r][1]);
	}
}

#define CASE(m)         \
	case m:             \
		tile_of(t, m);  \
		break;

WIDE static void tile(const tile_product *t, int64_t m) {
	switch (m) {
		CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12)
	}
}

// slice adds DEPTH values of k from l on to the m rows of C at c.
WIDE static void slice(const kernel_gemm_sizes *s, float *c, const float *a, const float *b, int64_t m, int64_t l) {
	float rows[BLOCK * DEPTH + LANES * TILE], panels[GROUP * DEPTH] __attribute__((aligned(64)));
	int64_t depth = kernel_least(DEPTH, s->k - l), tiles = kernel_ceil_div(m, TILE);
	for (int64_t i = 0; i < tiles; i++) {
		int64_t at = m * i / tiles;
		place_rows(rows + at * depth, s, a + at * s->lda + l, m * (i + 1) / tiles - at, depth);
	}
	for (int64_t group = 0; group < s->n; group += GROUP) {
		int64_t cols = kernel_least(GROUP, s->n - group);
		place_panels(panels, s, b, group, cols, l);
		for (int64_t j = 0; j < cols; j += COLS)
			for (int64_t i = 0; i < tiles; i++) {
				int64_t at = m * i / tiles;
				float *dst = c + at * s->ldc + group + j;
				tile_product t = {rows + at * depth, panels + j * DEPTH, depth, cols - j, s->ldc, dst, s->accumulate || l > 0};
				tile(&t, m * (i + 1) / tiles - at);
			}
	}
}

void kernel_gemm(const kernel_gemm_sizes *s, float *c, const float *a, const float *b) {
	int64_t blocks = kernel_ceil_div(s->m, BLOCK);
	for (int64_t i = 0; i < blocks; i++) {
		int64_t at = s->m * i / blocks, m = s->m * (i + 1) / blocks - at;
		for (int64_t l = 0; l < s->k; l += DEPTH)
			slice(s, c + at * s->ldc, a + at * s->lda, b, m, l);
	}
}
#else
int kernel_tiles_usable(void) { return 0; }

void kernel_gemm(const kernel_gemm_sizes *s, float *c, const float *a, const float *b) { abort(); }
#endif

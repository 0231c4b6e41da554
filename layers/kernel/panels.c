//go:build cgo && !noonednn

#include "panels.h"
#include "bf16.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

#define TILE 12   // rows whose sums fit in registers, two of them a row
#define BLOCK 120 // rows that go over a block of W while they are in cache
#define PAIRS (PANELS_DEPTH / 2)

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

static size_t weights_size(const kernel_panels *p) { return (size_t)(p->panels * PANELS_WIDTH * p->pairs) * 4; }

void kernel_panels_new(kernel_panels *p, const float *w, int64_t n, int64_t k) {
	*p = (kernel_panels){.n = n, .k = k, .pairs = ceil_div(k, 2), .panels = ceil_div(n, PANELS_WIDTH)};
	uint16_t *row = malloc((size_t)p->pairs * 4);
	p->w = kernel_pages_new(weights_size(p));
	if (!row || !p->w) {
		kernel_panels_free(p);
		free(row);
		return;
	}
	for (int64_t j = 0; j < p->panels * PANELS_WIDTH; j++) {
		memset(row, 0, (size_t)p->pairs * 4);
		if (j < n)
			kernel_bf16_rows(row, 2 * p->pairs, w + j * k, 1, k);
		for (int64_t from = 0; from < p->pairs; from += PAIRS) {
			int64_t depth = least(PAIRS, p->pairs - from);
			uint16_t *at = p->w + 2 * (from * p->panels * PANELS_WIDTH + j / PANELS_WIDTH * depth * PANELS_WIDTH + j % PANELS_WIDTH);
			for (int64_t l = 0; l < depth; l++)
				memcpy(at + 2 * l * PANELS_WIDTH, row + 2 * (from + l), 4);
		}
	}
	free(row);
}

void kernel_panels_free(kernel_panels *p) {
	kernel_pages_free(p->w, weights_size(p));
	p->w = NULL;
}

// Rows are cut into blocks of nearly equal size, and blocks into tiles.
static int64_t cut(int64_t m, int64_t most, int64_t i) { return m * i / ceil_div(m, most); }

int64_t kernel_panels_rows_size(const kernel_panels *p, int64_t m) { return m * p->pairs * 4; }

// A tile of rows lies as pairs; of a pair, both values of every row.
static void place_tile(const kernel_panels *p, uint32_t *tile, const float *x, int64_t rows) {
	uint16_t values[2 * PAIRS];
	uint32_t *pairs = (uint32_t *)values;
	for (int64_t r = 0; r < rows; r++) {
		for (int64_t from = 0; from < p->pairs; from += PAIRS) {
			int64_t depth = least(PAIRS, p->pairs - from);
			kernel_bf16_rows(values, 2 * depth, x + r * p->k + 2 * from, 1, least(2 * depth, p->k - 2 * from));
			for (int64_t l = 0; l < depth; l++)
				memcpy(tile + (from + l) * rows + r, pairs + l, 4);
		}
	}
}

void kernel_panels_rows(const kernel_panels *p, uint32_t *rows, const float *x, int64_t m) {
	for (int64_t b = 0; b < ceil_div(m, BLOCK); b++) {
		int64_t start = cut(m, BLOCK, b), size = cut(m, BLOCK, b + 1) - start;
		for (int64_t t = 0; t < ceil_div(size, TILE); t++) {
			int64_t at = start + cut(size, TILE, t), n = start + cut(size, TILE, t + 1) - at;
			place_tile(p, rows + at * p->pairs, x + at * p->k, n);
		}
	}
}

#ifdef __x86_64__
#include <immintrin.h>

#define BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))
#define LINE 64

typedef struct {
	const uint32_t *rows; // of the tile, at the first pair of the block
	const uint16_t *w;    // the panel
	const char *ahead;    // weights to ask for, by turns with the other tiles
	int64_t pairs, step;  // bytes of ahead for a pair
	float *dst;
	int64_t ld, cols;
	int more; // dst holds the sums of the blocks before
} tile_product;

int kernel_panels_usable(void) {
	return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
}

BF16 static inline __attribute__((always_inline)) void tile_of(const tile_product *t, const int m) {
	__m512 sum[TILE][2];
	__mmask16 low = t->cols >= 16 ? 0xffff : (__mmask16)((1u << t->cols) - 1);
	__mmask16 high = t->cols >= 32 ? 0xffff : t->cols <= 16 ? 0 : (__mmask16)((1u << (t->cols - 16)) - 1);
#pragma GCC unroll 12
	for (int r = 0; r < m; r++) {
		_mm_prefetch((const char *)(t->dst + r * t->ld), _MM_HINT_T0);
		sum[r][0] = t->more ? _mm512_maskz_loadu_ps(low, t->dst + r * t->ld) : _mm512_setzero_ps();
		sum[r][1] = t->more ? _mm512_maskz_loadu_ps(high, t->dst + r * t->ld + 16) : _mm512_setzero_ps();
	}
	const uint16_t *w = t->w;
	const uint32_t *x = t->rows;
	const char *ahead = t->ahead;
	for (int64_t l = 0; l < t->pairs; l++) {
		__m512bh w0 = (__m512bh)_mm512_load_si512(w), w1 = (__m512bh)_mm512_load_si512(w + 32);
		_mm_prefetch(ahead, _MM_HINT_T1);
		_mm_prefetch(ahead + LINE, _MM_HINT_T1);
#pragma GCC unroll 12
		for (int r = 0; r < m; r++) {
			__m512bh pair = (__m512bh)_mm512_set1_epi32((int)x[r]);
			sum[r][0] = _mm512_dpbf16_ps(sum[r][0], pair, w0);
			sum[r][1] = _mm512_dpbf16_ps(sum[r][1], pair, w1);
		}
		w += 2 * PANELS_WIDTH;
		x += m;
		ahead += t->step;
	}
#pragma GCC unroll 12
	for (int r = 0; r < m; r++) {
		_mm512_mask_storeu_ps(t->dst + r * t->ld, low, sum[r][0]);
		_mm512_mask_storeu_ps(t->dst + r * t->ld + 16, high, sum[r][1]);
	}
}

#define CASE(m)         \
	case m:             \
		tile_of(t, m);  \
		break;

BF16 static void tile(const tile_product *t, int64_t m) {
	switch (m) {
		CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12)
	}
}

// block computes panels [first, end) of the rows [start, start+size) as far as the inputs from pair from on go.
static void block(const kernel_panels *p, tile_product t, const uint32_t *rows, const int64_t at[4], int64_t from) {
	int64_t start = at[0], size = at[1], first = at[2], end = at[3], tiles = ceil_div(size, TILE);
	float *dst = t.dst;
	t.pairs = least(PAIRS, p->pairs - from);
	t.more = from > 0;
	t.step = 2 * LINE / tiles;
	for (int64_t j = first; j < end; j++) {
		t.w = p->w + 2 * (from * p->panels + j * t.pairs) * PANELS_WIDTH;
		t.ahead = (const char *)(t.w + 2 * t.pairs * PANELS_WIDTH);
		t.cols = least(PANELS_WIDTH, p->n - j * PANELS_WIDTH);
		for (int64_t i = 0; i < tiles; i++, t.ahead += t.pairs * t.step) {
			int64_t row = start + cut(size, TILE, i), m = start + cut(size, TILE, i + 1) - row;
			t.rows = rows + row * p->pairs + from * m;
			t.dst = dst + row * p->n + j * PANELS_WIDTH;
			tile(&t, m);
		}
	}
}

void kernel_panels_mul(const kernel_panels *p, float *dst, const uint32_t *rows, int64_t m, int64_t first, int64_t end) {
	for (int64_t b = 0; b < ceil_div(m, BLOCK); b++) {
		int64_t start = cut(m, BLOCK, b);
		for (int64_t from = 0; from < p->pairs; from += PAIRS)
			block(p, (tile_product){.dst = dst, .ld = p->n}, rows, (int64_t[]){start, cut(m, BLOCK, b + 1) - start, first, end}, from);
	}
}
#else
int kernel_panels_usable(void) { return 0; }

void kernel_panels_mul(const kernel_panels *p, float *dst, const uint32_t *rows, int64_t m, int64_t first, int64_t end) { abort(); }
#endif

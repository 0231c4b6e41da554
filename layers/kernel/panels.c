//go:build cgo && !noonednn

#include "panels.h"
#include "bf16.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

#define TILE 12   // rows whose sums fit in registers, two of them a row
#define BLOCK 120 // rows that go over a block of W while they are in cache

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

static size_t weights_size(const kernel_panels *p) { return (size_t)(p->panels * PANELS_WIDTH * p->units) * sizeof *p->w; }

// to_units writes depth units of a row from unit from on.
static void to_units(const kernel_panels *p, uint32_t *dst, const float *row, int64_t from, int64_t depth) {
	if (p->bf16)
		kernel_bf16_rows((uint16_t *)dst, 2 * depth, row + 2 * from, 1, least(2 * depth, p->k - 2 * from));
	else
		memcpy(dst, row + from, (size_t)depth * sizeof *dst);
}

// place_panel writes panel j of the block of W from unit from on.
static void place_panel(const kernel_panels *p, const float *w, int64_t j, int64_t from) {
	uint32_t units[PANELS_DEPTH];
	int64_t depth = least(PANELS_DEPTH, p->units - from);
	uint32_t *panel = p->w + (from * p->panels + j * depth) * PANELS_WIDTH;
	for (int64_t col = 0; col < PANELS_WIDTH; col++) {
		int64_t row = j * PANELS_WIDTH + col;
		if (row < p->n)
			to_units(p, units, w + row * p->k, from, depth);
		else
			memset(units, 0, sizeof units);
		for (int64_t l = 0; l < depth; l++)
			panel[l * PANELS_WIDTH + col] = units[l];
	}
}

void kernel_panels_new(kernel_panels *p, const float *w) {
	p->units = p->bf16 ? ceil_div(p->k, 2) : p->k;
	p->panels = ceil_div(p->n, PANELS_WIDTH);
	p->w = kernel_pages_new(weights_size(p));
	for (int64_t from = 0; p->w && from < p->units; from += PANELS_DEPTH)
		for (int64_t j = 0; j < p->panels; j++)
			place_panel(p, w, j, from);
}

void kernel_panels_free(kernel_panels *p) {
	kernel_pages_free(p->w, weights_size(p));
	p->w = NULL;
}

// Rows are cut into blocks of nearly equal size, and blocks into tiles: part i of m starts at cut(m, most, i).
static int64_t cut(int64_t m, int64_t most, int64_t i) { return m * i / ceil_div(m, most); }

// place_tile writes rows as units; of a unit, that of every row.
static void place_tile(const kernel_panels *p, uint32_t *tile, const float *x, int64_t rows) {
	uint32_t units[PANELS_DEPTH];
	for (int64_t r = 0; r < rows; r++) {
		for (int64_t from = 0; from < p->units; from += PANELS_DEPTH) {
			int64_t depth = least(PANELS_DEPTH, p->units - from);
			to_units(p, units, x + r * p->k, from, depth);
			for (int64_t l = 0; l < depth; l++)
				tile[(from + l) * rows + r] = units[l];
		}
	}
}

void kernel_panels_rows(const kernel_panels *p, uint32_t *rows, const float *x, int64_t m) {
	for (int64_t b = 0; b < ceil_div(m, BLOCK); b++) {
		int64_t start = cut(m, BLOCK, b), size = cut(m, BLOCK, b + 1) - start;
		for (int64_t t = 0; t < ceil_div(size, TILE); t++) {
			int64_t at = start + cut(size, TILE, t), n = start + cut(size, TILE, t + 1) - at;
			place_tile(p, rows + at * p->units, x + at * p->k, n);
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

int kernel_panels_usable(int bf16) {
	if (!bf16)
		return __builtin_cpu_supports("avx512f");
	return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
}

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
	int64_t start = at[0], size = at[1], first = at[2], end = at[3], tiles = ceil_div(size, TILE);
	float *dst = t.dst;
	t.units = least(PANELS_DEPTH, p->units - from);
	t.more = from > 0;
	t.step = 2 * LINE / tiles;
	for (int64_t j = first; j < end; j++) {
		t.w = p->w + (from * p->panels + j * t.units) * PANELS_WIDTH;
		t.ahead = (const char *)(t.w + t.units * PANELS_WIDTH);
		t.cols = least(PANELS_WIDTH, p->n - j * PANELS_WIDTH);
		for (int64_t i = 0; i < tiles; i++, t.ahead += t.units * t.step) {
			int64_t row = start + cut(size, TILE, i), m = start + cut(size, TILE, i + 1) - row;
			t.rows = rows + row * p->units + from * m;
			t.dst = dst + row * p->n + j * PANELS_WIDTH;
			if (p->bf16)
				tile_bf16(&t, m);
			else
				tile_f32(&t, m);
		}
	}
}

void kernel_panels_mul(const kernel_panels *p, float *dst, const uint32_t *rows, int64_t m, int64_t first, int64_t end) {
	for (int64_t b = 0; b < ceil_div(m, BLOCK); b++) {
		int64_t start = cut(m, BLOCK, b);
		for (int64_t from = 0; from < p->units; from += PANELS_DEPTH)
			block(p, (tile_product){.dst = dst, .ld = p->n}, rows, (int64_t[]){start, cut(m, BLOCK, b + 1) - start, first, end}, from);
	}
}
#else
int kernel_panels_usable(int bf16) { return 0; }

void kernel_panels_mul(const kernel_panels *p, float *dst, const uint32_t *rows, int64_t m, int64_t first, int64_t end) { abort(); }
#endif

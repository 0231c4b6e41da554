//go:build cgo && !noonednn

// Products by the matrix unit (AMX): a tile is 16 rows of 64 bytes. Two tiles of rows, of 16 units each, times the two of a panel's
// halves add to four tiles of sums.
//
//	rows  [m/16, units/16, 16, 16] units; what fills up the last tile is zero
#include "amx.h"
#include "panels.h"

#include <stdlib.h>
#include <string.h>

#define SIDE AMX_SIDE
#define LINE AMX_LINE
#define TILE AMX_TILE
#define BLOCK 16   // tiles of rows that go over a block of W while they are in cache

#if defined(__x86_64__) && defined(__linux__)
#include <immintrin.h>

// line is a row of a tile: those of 2·SIDE values of x that are there.
AMX static inline __attribute__((always_inline)) __m512i line(kernel_given x, uint32_t there) {
	if (x.bf16)
		return _mm512_maskz_loadu_epi16(there, x.x);
	__m512 first = _mm512_maskz_loadu_ps((__mmask16)there, x.x);
	__m512 second = _mm512_maskz_loadu_ps((__mmask16)(there >> SIDE), (const float *)x.x + SIDE);
	return (__m512i)_mm512_cvtne2ps_pbh(second, first);
}

// place_tile writes rows, at most SIDE, as one tile for each SIDE units.
AMX static void place_tile(const kernel_panels *p, uint32_t *tile, kernel_given x, int64_t rows) {
	for (int64_t from = 0; from < p->k; from += 2 * SIDE, tile += SIDE * SIDE) {
		int64_t left = kernel_least(2 * SIDE, p->k - from);
		uint32_t there = (uint32_t)((1ull << left) - 1);
		for (int64_t r = 0; r < SIDE; r++)
			_mm512_storeu_si512(tile + r * SIDE, r < rows ? line(kernel_given_from(x, r * p->k + from), there) : _mm512_setzero_si512());
	}
}

void kernel_amx_rows(const kernel_panels *p, uint32_t *rows, kernel_given x, int64_t m, int64_t first, int64_t end) {
	for (int64_t at = first * SIDE; at < end * SIDE; at += SIDE)
		place_tile(p, rows + at * p->units, kernel_given_from(x, at * p->k), kernel_least(SIDE, m - at));
}

typedef struct {
	const char *rows; // of the first tile, at the first unit of the block
	int64_t next;     // bytes to the second
	const char *w;    // the panel
	const char *ahead; // weights to ask for
	int64_t lines;     // of ahead for SIDE units
	int64_t units;
	float *c;
	int64_t ld; // bytes between rows of c
	int more;   // c holds the sums of the blocks before
} tile_product;

static inline __attribute__((always_inline)) void ask_ahead(const tile_product *t, int64_t l) {
	const char *ahead = t->ahead + l / SIDE * t->lines * LINE, *row = (const char *)t->c + l / SIDE % (2 * SIDE) * t->ld;
	__builtin_prefetch(row, 1, 3);
	__builtin_prefetch(row + LINE, 1, 3);
	for (int64_t i = 0; i < t->lines; i++)
		__builtin_prefetch(ahead + i * LINE, 0, 2);
}

// four adds up two tiles of rows.
AMX static void four(const tile_product *t) {
	float *c = t->c, *below = (float *)((char *)c + SIDE * t->ld);
	if (t->more) {
		_tile_loadd(0, c, t->ld);
		_tile_loadd(1, c + SIDE, t->ld);
		_tile_loadd(2, below, t->ld);
		_tile_loadd(3, below + SIDE, t->ld);
	} else {
		_tile_zero(0);
		_tile_zero(1);
		_tile_zero(2);
		_tile_zero(3);
	}
	const char *x = t->rows, *w = t->w;
	for (int64_t l = 0; l < t->units; l += SIDE, x += TILE, w += 2 * TILE) {
		ask_ahead(t, l);
		_tile_loadd(4, x, LINE);
		_tile_loadd(6, w, 2 * LINE);
		_tile_dpbf16ps(0, 4, 6);
		_tile_loadd(5, x + t->next, LINE);
		_tile_dpbf16ps(2, 5, 6);
		_tile_loadd(7, w + LINE, 2 * LINE);
		_tile_dpbf16ps(1, 4, 7);
		_tile_dpbf16ps(3, 5, 7);
	}
	_tile_stored(0, c, t->ld);
	_tile_stored(1, c + SIDE, t->ld);
	_tile_stored(2, below, t->ld);
	_tile_stored(3, below + SIDE, t->ld);
}

// two adds up one tile of rows.
AMX static void two(const tile_product *t) {
	if (t->more) {
		_tile_loadd(0, t->c, t->ld);
		_tile_loadd(1, t->c + SIDE, t->ld);
	} else {
		_tile_zero(0);
		_tile_zero(1);
	}
	const char *x = t->rows, *w = t->w;
	for (int64_t l = 0; l < t->units; l += SIDE, x += TILE, w += 2 * TILE) {
		ask_ahead(t, l);
		_tile_loadd(4, x, LINE);
		_tile_loadd(6, w, 2 * LINE);
		_tile_dpbf16ps(0, 4, 6);
		_tile_loadd(7, w + LINE, 2 * LINE);
		_tile_dpbf16ps(1, 4, 7);
	}
	_tile_stored(0, t->c, t->ld);
	_tile_stored(1, t->c + SIDE, t->ld);
}

// part is the results of some tiles of rows and one panel: rows × cols at dst, whose rows are n values apart.
typedef struct {
	float *dst;
	int64_t rows, cols, n;
} part;

// add computes a part. One that fills no tiles is worked on elsewhere.
static void add(tile_product *t, part c) {
	float whole[2 * SIDE * PANELS_WIDTH] __attribute__((aligned(LINE)));
	int pair = c.rows > SIDE, fills = c.cols == PANELS_WIDTH && c.rows == (pair ? 2 * SIDE : SIDE);
	size_t width = (size_t)c.cols * sizeof *whole;
	t->c = fills ? c.dst : whole;
	t->ld = (fills ? c.n : PANELS_WIDTH) * (int64_t)sizeof *whole;
	for (int64_t r = 0; !fills && t->more && r < c.rows; r++)
		memcpy(whole + r * PANELS_WIDTH, c.dst + r * c.n, width);
	if (pair)
		four(t);
	else
		two(t);
	for (int64_t r = 0; !fills && r < c.rows; r++)
		memcpy(c.dst + r * c.n, whole + r * PANELS_WIDTH, width);
}

// block computes panels [at[2], at[3]) of the tiles of rows [at[0], at[1]), of m rows in all, as far as the units from unit from on go.
static void block(const kernel_panels *p, float *dst, const uint32_t *rows, int64_t m, const int64_t at[4], int64_t from) {
	int64_t pairs = kernel_ceil_div(at[1] - at[0], 2);
	tile_product t = {.units = kernel_least(p->depth, p->units - from), .next = p->units * LINE, .more = from > 0};
	t.lines = kernel_ceil_div(2 * TILE / LINE, pairs);
	for (int64_t j = at[2]; j < at[3]; j++) {
		t.w = (const char *)(p->w + (from * p->panels + j * t.units) * PANELS_WIDTH);
		t.ahead = t.w + t.units * 2 * LINE;
		for (int64_t i = at[0]; i < at[1]; i += 2, t.ahead += t.units / SIDE * t.lines * LINE) {
			t.rows = (const char *)(rows + i * SIDE * p->units + from * SIDE);
			int64_t most = kernel_least(2, at[1] - i) * SIDE;
			add(&t, (part){dst + i * SIDE * p->n + j * PANELS_WIDTH, kernel_least(most, m - i * SIDE), kernel_least(PANELS_WIDTH, p->n - j * PANELS_WIDTH), p->n});
		}
	}
}

AMX void kernel_amx_mul(const kernel_panels *p, float *dst, const uint32_t *rows, int64_t m, int64_t first, int64_t end) {
	int64_t tiles = kernel_ceil_div(m, SIDE);
	kernel_amx_configure();
	for (int64_t b = 0; b < kernel_ceil_div(tiles, BLOCK); b++)
		for (int64_t from = 0; from < p->units; from += p->depth)
			block(p, dst, rows, m, (int64_t[]){kernel_cut(tiles, BLOCK, b), kernel_cut(tiles, BLOCK, b + 1), first, end}, from);
	_tile_release();
}
#else
void kernel_amx_rows(const kernel_panels *p, uint32_t *rows, kernel_given x, int64_t m, int64_t first, int64_t end) { abort(); }

void kernel_amx_mul(const kernel_panels *p, float *dst, const uint32_t *rows, int64_t m, int64_t first, int64_t end) { abort(); }
#endif

//go:build cgo && !noonednn

#include "attend.h"
#include "amx.h"
#include "panels.h"
#include "vector.h"

#include <stdlib.h>
#include <string.h>

#define PANEL 32 // keys, or values, of a panel

// layout is where the parts of the space begin, in units, and how long they are.
typedef struct {
	int64_t key_panels, key_units, value_panels, value_units;
	int64_t keys, values, queries, probabilities; // each followed by its low part
	int64_t scores, ld;                           // ld: values between rows of scores
	int64_t results, end;
} layout;

static layout layout_of(const kernel_head *h) {
	layout l = {.key_panels = kernel_ceil_div(h->keys, PANEL), .value_panels = kernel_ceil_div(h->values, PANEL)};
	l.key_units = kernel_ceil_div(h->width, 2 * AMX_SIDE) * AMX_SIDE;
	l.value_units = l.key_panels * AMX_SIDE;
	l.ld = l.key_panels * PANEL + AMX_SIDE; // rows of a power of two would share lines of the cache
	l.values = 2 * l.key_panels * PANEL * l.key_units;
	l.queries = l.values + 2 * l.value_panels * PANEL * l.value_units;
	l.probabilities = l.queries + 2 * ATTEND_ROWS * l.key_units;
	l.scores = l.probabilities + 2 * ATTEND_ROWS * l.value_units;
	l.results = l.scores + ATTEND_ROWS * l.ld;
	l.end = l.results + ATTEND_ROWS * l.value_panels * PANEL;
	return l;
}

int64_t kernel_attend_space(const kernel_head *h) {
	layout l = layout_of(h);
	return l.end + AMX_SIDE; // room to align it
}

#if defined(__x86_64__) && defined(__linux__)
#include "square.h"

static uint32_t *aligned(uint32_t *space) {
	uintptr_t at = (uintptr_t)space;
	return (uint32_t *)((at + AMX_LINE - 1) / AMX_LINE * AMX_LINE);
}

// parts are the high and the low half of 32 values, in pairs.
typedef struct {
	__m512i high, low;
} parts;

AMX static inline __attribute__((always_inline)) __m512 widened(__m256i half) {
	return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
}

AMX static inline __attribute__((always_inline)) parts split(__m512 x0, __m512 x1) {
	parts p;
	p.high = (__m512i)_mm512_cvtne2ps_pbh(x1, x0);
	__m512 h0 = widened(_mm512_castsi512_si256(p.high)), h1 = widened(_mm512_extracti64x4_epi64(p.high, 1));
	p.low = (__m512i)_mm512_cvtne2ps_pbh(_mm512_sub_ps(x1, h1), _mm512_sub_ps(x0, h0));
	return p;
}

AMX static inline __attribute__((always_inline)) __m512 some(const float *x, int64_t n) {
	return _mm512_maskz_loadu_ps(n >= AMX_SIDE ? 0xffff : n <= 0 ? 0 : (__mmask16)((1u << n) - 1), x);
}

// square splits 16 rows of 32 values, which are zero beyond rows and width, and turns them: unit i of all rows is in high[i] and low[i].
AMX static void square(__m512 high[SQUARE], __m512 low[SQUARE], const float *src, const int64_t sides[3]) {
	int64_t rows = sides[0], width = sides[1], stride = sides[2];
	for (int r = 0; r < SQUARE; r++) {
		parts p = {_mm512_setzero_si512(), _mm512_setzero_si512()};
		if (r < rows)
			p = split(some(src + r * stride, width), some(src + r * stride + SQUARE, width - SQUARE));
		high[r] = _mm512_castsi512_ps(p.high);
		low[r] = _mm512_castsi512_ps(p.low);
	}
	kernel_turn(high);
	kernel_turn(low);
}

AMX void kernel_attend_keys(const kernel_head *h, uint32_t *space, const float *src, const kernel_columns *c) {
	layout l = layout_of(h);
	__m512 high[SQUARE], low[SQUARE];
	int64_t last = c->column + c->width == h->width, unit = c->column / 2;
	int64_t units = (last ? l.key_units : unit + c->width / 2) - unit;
	int64_t rows = c->first + c->n == h->keys ? l.key_panels * PANEL - c->first : c->n;
	for (int64_t r = 0; r < rows; r += SQUARE) {
		int64_t key = c->first + r;
		uint32_t *panel = aligned(space) + l.keys + key / PANEL * l.key_units * PANEL + key % PANEL;
		for (int64_t u = 0; u < units; u += SQUARE) {
			square(high, low, src + r * c->stride + 2 * u, (int64_t[]){c->n - r, c->width - 2 * u, c->stride});
			for (int64_t i = 0; i < kernel_least(SQUARE, units - u); i++) {
				_mm512_storeu_ps(panel + (unit + u + i) * PANEL, high[i]);
				_mm512_storeu_ps(panel + (unit + u + i) * PANEL + l.values / 2, low[i]);
			}
		}
	}
}

// pair splits 16 values of two rows into units of one each.
AMX static inline __attribute__((always_inline)) parts pair(__m512 even, __m512 odd) {
	__m256i e = (__m256i)_mm512_cvtneps_pbh(even), o = (__m256i)_mm512_cvtneps_pbh(odd);
	__m256i el = (__m256i)_mm512_cvtneps_pbh(_mm512_sub_ps(even, widened(e))), ol = (__m256i)_mm512_cvtneps_pbh(_mm512_sub_ps(odd, widened(o)));
	return (parts){
		_mm512_or_si512(_mm512_cvtepu16_epi32(e), _mm512_slli_epi32(_mm512_cvtepu16_epi32(o), 16)),
		_mm512_or_si512(_mm512_cvtepu16_epi32(el), _mm512_slli_epi32(_mm512_cvtepu16_epi32(ol), 16)),
	};
}

AMX void kernel_attend_values(const kernel_head *h, uint32_t *space, const float *src, const kernel_columns *c) {
	layout l = layout_of(h);
	int64_t rows = c->first + c->n == h->keys ? l.key_panels * PANEL - c->first : c->n;
	for (int64_t r = 0; r < rows; r += 2)
		for (int64_t v = 0; v < l.value_panels * PANEL; v += SQUARE) {
			const float *row = src + r * c->stride + v;
			__m512 even = some(row, r < c->n ? h->values - v : 0), odd = some(row + c->stride, r + 1 < c->n ? h->values - v : 0);
			parts p = pair(even, odd);
			uint32_t *at = aligned(space) + l.values + (v / PANEL * l.value_units + (c->first + r) / 2) * PANEL + v % PANEL;
			_mm512_storeu_si512(at, p.high);
			_mm512_storeu_si512(at + (l.queries - l.values) / 2, p.low);
		}
}

AMX void kernel_attend_queries(const kernel_head *h, uint32_t *space, const float *src, const kernel_columns *c, float scale) {
	layout l = layout_of(h);
	__m512 times = _mm512_set1_ps(scale);
	int64_t last = c->column + c->width == h->width, low = (l.probabilities - l.queries) / 2;
	int64_t end = last ? 2 * l.key_units : c->column + c->width;
	for (int64_t r = 0; r < kernel_ceil_div(c->n, 2 * AMX_SIDE) * 2 * AMX_SIDE; r++) {
		uint32_t *tile = aligned(space) + l.queries + r / AMX_SIDE * AMX_SIDE * l.key_units + r % AMX_SIDE * AMX_SIDE;
		for (int64_t at = c->column; at < end; at += 2 * AMX_SIDE) {
			int64_t n = r < c->n ? c->column + c->width - at : 0;
			const float *row = src + r * c->stride + at - c->column;
			parts p = split(_mm512_mul_ps(times, some(row, n)), _mm512_mul_ps(times, some(row + AMX_SIDE, n - AMX_SIDE)));
			int64_t whole = at / 2 * AMX_SIDE;
			if (at / 2 % AMX_SIDE == 0 && end - at >= 2 * AMX_SIDE) {
				_mm512_storeu_si512(tile + whole, p.high);
				_mm512_storeu_si512(tile + whole + low, p.low);
				continue;
			}
			uint32_t buf[2 * AMX_SIDE];
			_mm512_storeu_si512(buf, p.high);
			_mm512_storeu_si512(buf + AMX_SIDE, p.low);
			for (int64_t i = 0; i < kernel_least(AMX_SIDE, (end - at) / 2); i++) {
				int64_t unit = at / 2 + i, place = unit / AMX_SIDE * AMX_SIDE * AMX_SIDE + unit % AMX_SIDE;
				tile[place] = buf[i];
				tile[place + low] = buf[AMX_SIDE + i];
			}
		}
	}
}

// product is two tiles of rows and a panel, in high and low parts.
typedef struct {
	const uint32_t *rows, *panel;
	int64_t rows_low, panel_low; // units to the low parts
	int64_t next;                // units to the second tile of rows
	int64_t tiles;               // along the inputs
	float *c;
	int64_t ld; // values between rows of c
} product;

#define ADD_FOUR                                                                                                                  \
	_tile_dpbf16ps(0, 4, 6);                                                                                                      \
	_tile_dpbf16ps(2, 5, 6);                                                                                                      \
	_tile_dpbf16ps(1, 4, 7);                                                                                                      \
	_tile_dpbf16ps(3, 5, 7);

AMX static void multiply(const product *p) {
	int64_t ld = p->ld * (int64_t)sizeof(float);
	const uint32_t *x = p->rows, *w = p->panel;
	_tile_zero(0);
	_tile_zero(1);
	_tile_zero(2);
	_tile_zero(3);
	for (int64_t i = 0; i < p->tiles; i++, x += AMX_SIDE * AMX_SIDE, w += AMX_SIDE * PANEL) {
		_tile_loadd(4, x + p->rows_low, AMX_LINE);
		_tile_loadd(5, x + p->rows_low + p->next, AMX_LINE);
		_tile_loadd(6, w, 2 * AMX_LINE);
		_tile_loadd(7, w + AMX_SIDE, 2 * AMX_LINE);
		ADD_FOUR
		_tile_loadd(4, x, AMX_LINE);
		_tile_loadd(5, x + p->next, AMX_LINE);
		ADD_FOUR
		_tile_loadd(6, w + p->panel_low, 2 * AMX_LINE);
		_tile_loadd(7, w + p->panel_low + AMX_SIDE, 2 * AMX_LINE);
		ADD_FOUR
	}
	float *below = p->c + AMX_SIDE * p->ld;
	_tile_stored(0, p->c, ld);
	_tile_stored(1, p->c + AMX_SIDE, ld);
	_tile_stored(2, below, ld);
	_tile_stored(3, below + AMX_SIDE, ld);
}

// seen is the panels of keys [from, end) that a block looks at.
typedef struct {
	int64_t from, end;
} seen;

// score computes the scores of n queries; column 0 is the first key of the first panel.
static void score(const layout *l, uint32_t *space, int64_t n, seen s) {
	for (int64_t r = 0; r < n; r += 2 * AMX_SIDE)
		for (int64_t j = s.from; j < s.end; j++) {
			product p = {space + l->queries + r * l->key_units, space + l->keys + j * l->key_units * PANEL, (l->probabilities - l->queries) / 2, l->values / 2,
						 AMX_SIDE * l->key_units, l->key_units / AMX_SIDE, (float *)(space + l->scores) + r * l->ld + (j - s.from) * PANEL, l->ld};
			multiply(&p);
		}
}

// weigh turns the scores of a query into probabilities, and splits them; those of keys that it does not see are zero.
AMX static void weigh(const layout *l, uint32_t *space, const kernel_block *b, int64_t query, seen s) {
	int64_t r = query - b->first, start = s.from * PANEL, length = (s.end - s.from) * PANEL;
	float *row = (float *)(space + l->scores) + r * l->ld;
	int64_t own = (b->window && query - b->window + 1 > start ? query - b->window + 1 : start) - start, end = query + 1 - start;
	memset(row, 0, (size_t)own * sizeof *row);
	kernel_softmax(row + own, 1, end - own, b->sink);
	memset(row + end, 0, (size_t)(length - end) * sizeof *row);
	uint32_t *tile = space + l->probabilities + r / AMX_SIDE * AMX_SIDE * l->value_units + r % AMX_SIDE * AMX_SIDE;
	for (int64_t at = 0; at < length; at += PANEL, tile += AMX_SIDE * AMX_SIDE) {
		parts p = split(_mm512_loadu_ps(row + at), _mm512_loadu_ps(row + at + AMX_SIDE));
		_mm512_storeu_si512(tile, p.high);
		_mm512_storeu_si512(tile + (l->scores - l->probabilities) / 2, p.low);
	}
}

AMX static void clear_weights(const layout *l, uint32_t *space, int64_t r, seen s) {
	uint32_t *tile = space + l->probabilities + r / AMX_SIDE * AMX_SIDE * l->value_units + r % AMX_SIDE * AMX_SIDE;
	for (int64_t j = s.from; j < s.end; j++, tile += AMX_SIDE * AMX_SIDE) {
		memset(tile, 0, AMX_LINE);
		memset(tile + (l->scores - l->probabilities) / 2, 0, AMX_LINE);
	}
}

// mix adds up the values for n queries.
static void mix(const layout *l, uint32_t *space, int64_t n, seen s) {
	for (int64_t r = 0; r < n; r += 2 * AMX_SIDE)
		for (int64_t v = 0; v < l->value_panels; v++) {
			product p = {space + l->probabilities + r * l->value_units, space + l->values + (v * l->value_units + s.from * AMX_SIDE) * PANEL,
						 (l->scores - l->probabilities) / 2, (l->queries - l->values) / 2, AMX_SIDE * l->value_units, s.end - s.from,
						 (float *)(space + l->results) + r * l->value_panels * PANEL + v * PANEL, l->value_panels * PANEL};
			multiply(&p);
		}
}

AMX void kernel_attend(const kernel_head *h, uint32_t *space, float *dst, const kernel_block *b) {
	layout l = layout_of(h);
	space = aligned(space);
	int64_t n = b->end - b->first, whole = kernel_ceil_div(n, 2 * AMX_SIDE) * 2 * AMX_SIDE;
	int64_t from = b->window && b->first - b->window + 1 > 0 ? b->first - b->window + 1 : 0;
	seen s = {from / PANEL, kernel_ceil_div(b->end, PANEL)};
	kernel_amx_configure();
	score(&l, space, n, s);
	for (int64_t i = b->first; i < b->end; i++)
		weigh(&l, space, b, i, s);
	for (int64_t r = n; r < whole; r++)
		clear_weights(&l, space, r, s);
	mix(&l, space, n, s);
	_tile_release();
	for (int64_t r = 0; r < n; r++)
		memcpy(dst + r * b->ld, (float *)(space + l.results) + r * l.value_panels * PANEL, (size_t)h->values * sizeof *dst);
}
#else
void kernel_attend_keys(const kernel_head *h, uint32_t *space, const float *src, const kernel_columns *c) { abort(); }

void kernel_attend_values(const kernel_head *h, uint32_t *space, const float *src, const kernel_columns *c) { abort(); }

void kernel_attend_queries(const kernel_head *h, uint32_t *space, const float *src, const kernel_columns *c, float scale) { abort(); }

void kernel_attend(const kernel_head *h, uint32_t *space, float *dst, const kernel_block *b) { abort(); }
#endif

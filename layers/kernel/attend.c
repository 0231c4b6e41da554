//go:build cgo && !noonednn

#include "attend.h"
#include "attend_product.h"
#include "clones.h"
#include "panels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PAIR (2 * AMX_SIDE) // keys, or values, of two tiles, and bf16 of a tile's row
#define ATTEND_KEYS 256     // keys whose scores are worked on at a time
#define LD (ATTEND_KEYS + AMX_SIDE) // between rows of scores: those of a power of two would share lines of the cache
#define LOG2_E 1.44269504f

// layout is where the parts of the space begin, in units, and how many tiles they have.
typedef struct {
	int64_t key_tiles, width_tiles; // of 32 keys, and of 32 columns
	int64_t value_pairs;            // of tiles
	int64_t keys, values, queries, scores, exponentials, results, top, sum, end;
} layout;

static layout layout_of(const kernel_head *h) {
	layout l = {.key_tiles = kernel_ceil_div(h->keys, PAIR), .width_tiles = kernel_ceil_div(h->width, PAIR), .value_pairs = kernel_ceil_div(h->values, PAIR)};
	l.values = 2 * l.key_tiles * l.width_tiles * TILE_UNITS;
	l.queries = l.values + 2 * l.value_pairs * l.key_tiles * TILE_UNITS;
	l.scores = l.queries + ATTEND_ROWS * l.width_tiles * AMX_SIDE;
	l.exponentials = l.scores + ATTEND_ROWS * LD;
	l.results = l.exponentials + ATTEND_ROWS * ATTEND_KEYS / 2;
	l.top = l.results + ATTEND_ROWS * l.value_pairs * PAIR;
	l.sum = l.top + ATTEND_ROWS;
	l.end = l.sum + ATTEND_ROWS;
	return l;
}

int64_t kernel_attend_space(const kernel_head *h) {
	layout l = layout_of(h);
	return l.end + AMX_SIDE; // room to align it
}

#if defined(__x86_64__) && defined(__linux__)
#include "vectors.h"

static uint32_t *aligned(uint32_t *space) {
	uintptr_t at = (uintptr_t)space;
	return (uint32_t *)((at + AMX_LINE - 1) / AMX_LINE * AMX_LINE);
}

// first_32 is the first n of 32 lanes.
INLINE __mmask32 first_32(int64_t n) { return n >= PAIR ? UINT32_MAX : n <= 0 ? 0 : (1u << n) - 1; }

// square turns 16 rows of 32 values, which are zero beyond rows and width: units[i] is unit i of all rows.
VECTORS_16_BF16 static void square(__m512 units[SQUARE], const uint16_t *src, int64_t rows, int64_t width, int64_t stride) {
	__mmask32 there = first_32(width);
	for (int r = 0; r < SQUARE; r++)
		units[r] = _mm512_castsi512_ps(_mm512_maskz_loadu_epi16(r < rows ? there : 0, src + (r < rows ? r : 0) * stride));
	kernel_turn(units);
}

VECTORS_16_BF16 void kernel_attend_keys(const kernel_head *h, uint32_t *space, const uint16_t *src, const kernel_columns *c) {
	layout l = layout_of(h);
	__m512 units[SQUARE];
	int64_t last = c->column + c->width == h->width, first = c->column / 2;
	int64_t n = (last ? l.width_tiles * AMX_SIDE : first + c->width / 2) - first;
	int64_t rows = c->first + c->n == h->keys ? l.key_tiles * PAIR - c->first : c->n;
	for (int64_t r = 0; r < rows; r += SQUARE) {
		uint32_t *tiles = aligned(space) + l.keys + (c->first + r) / AMX_SIDE * l.width_tiles * TILE_UNITS;
		for (int64_t u = 0; u < n; u += SQUARE) {
			square(units, src + r * c->stride + 2 * u, c->n - r, c->width - 2 * u, c->stride);
			for (int64_t i = 0; i < kernel_least(SQUARE, n - u); i++)
				_mm512_storeu_ps(tiles + (first + u + i) * AMX_SIDE, units[i]);
		}
	}
}

// wide is the first n of 16 values, one in each lane.
VECTORS_16_BF16 INLINE __m512i wide(const uint16_t *x, int64_t n) { return _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(first_16(n), x)); }

VECTORS_16_BF16 void kernel_attend_values(const kernel_head *h, uint32_t *space, const uint16_t *src, const kernel_columns *c) {
	layout l = layout_of(h);
	int64_t rows = c->first + c->n == h->keys ? l.key_tiles * PAIR - c->first : c->n;
	for (int64_t r = 0; r < rows; r += 2)
		for (int64_t v = 0; v < l.value_pairs * PAIR; v += SQUARE) {
			const uint16_t *row = src + r * c->stride + v;
			__m512i even = wide(row, r < c->n ? h->values - v : 0), odd = wide(row + c->stride, r + 1 < c->n ? h->values - v : 0);
			uint32_t *at = aligned(space) + l.values + v / AMX_SIDE * l.key_tiles * TILE_UNITS + (c->first + r) / 2 * AMX_SIDE;
			_mm512_storeu_si512(at, _mm512_or_si512(even, _mm512_slli_epi32(odd, 16)));
		}
}

// The queries' scores are to be exponents of 2.
VECTORS_16_BF16 void kernel_attend_queries(const kernel_head *h, uint32_t *space, const float *src, const kernel_columns *c, float scale) {
	layout l = layout_of(h);
	__m512 times = _mm512_set1_ps(scale * LOG2_E);
	int64_t last = c->column + c->width == h->width, end = last ? l.width_tiles * PAIR : c->column + c->width;
	for (int64_t r = 0; r < kernel_ceil_div(c->n, PAIR) * PAIR; r++) {
		uint32_t *tiles = aligned(space) + l.queries + r / AMX_SIDE * l.width_tiles * TILE_UNITS + r % AMX_SIDE * AMX_SIDE;
		for (int64_t at = c->column; at < end; at += PAIR) {
			int64_t n = r < c->n ? c->column + c->width - at : 0;
			const float *row = src + r * c->stride + at - c->column;
			__m512 x0 = _mm512_maskz_loadu_ps(first_16(n), row);
			__m512 x1 = _mm512_maskz_loadu_ps(first_16(n - AMX_SIDE), row + AMX_SIDE);
			__m512i units = (__m512i)_mm512_cvtne2ps_pbh(_mm512_mul_ps(times, x1), _mm512_mul_ps(times, x0));
			int64_t unit = at / 2, room = AMX_SIDE - unit % AMX_SIDE; // in the first of two tiles
			uint32_t *tile = tiles + unit / AMX_SIDE * TILE_UNITS, there = first_16((end - at) / 2);
			_mm512_mask_storeu_epi32(tile + unit % AMX_SIDE, (__mmask16)(there & first_16(room)), units);
			_mm512_mask_storeu_epi32(tile + TILE_UNITS - room, (__mmask16)(there & ~first_16(room)), units);
		}
	}
}

// step is a block of n queries, and some keys: tiles [from, end) of them.
typedef struct {
	const layout *l;
	uint32_t *space;
	const kernel_block *b;
	void (*multiply)(const kernel_product *p);
	int64_t n, from, end;
} step;

// score computes the scores; column 0 is the first key of the first tile.
VECTORS_16_BF16 static void score(const step *s) {
	const layout *l = s->l;
	for (int64_t r = 0; r < s->n; r += PAIR)
		for (int64_t j = s->from; j < s->end; j++) {
			kernel_product p = {.rows = s->space + l->queries + r * l->width_tiles * AMX_SIDE, .columns = s->space + l->keys + 2 * j * l->width_tiles * TILE_UNITS,
								  .wanted = s->n - r, .n = l->width_tiles, .rows_apart = l->width_tiles, .columns_apart = l->width_tiles,
								  .c = (float *)(s->space + l->scores) + r * LD + (j - s->from) * PAIR, .ld = LD};
			s->multiply(&p);
		}
}

// power is 2ˣ within 2⁻²² of its size, for x up to 0: x is an integer and a rest, whose power is a polynomial.
VECTORS_16_BF16 INLINE __m512 power(__m512 x) {
	__m512 whole = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), rest = _mm512_sub_ps(x, whole);
	__m512 p = _mm512_set1_ps(1.339086336e-3f);
	p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(9.676031918e-3f));
	p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(5.550357114e-2f));
	p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(2.402210749e-1f));
	p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(6.931471880e-1f));
	p = _mm512_fmadd_ps(p, rest, _mm512_set1_ps(1.0f));
	return _mm512_scalef_ps(p, whole);
}

// sight is the columns of scores that a query sees.
typedef struct {
	int64_t from, end;
} sight;

static sight seen(const step *s, int64_t query) {
	int64_t start = s->from * PAIR, first = s->b->window ? query - s->b->window + 1 : 0;
	sight see = {first > start ? first - start : 0, kernel_least(query + 1 - start, (s->end - s->from) * PAIR)};
	return see;
}

VECTORS_16_BF16 INLINE __mmask16 seeing(sight see, int64_t at) {
	return (__mmask16)(first_16(see.end - at) & ~first_16(see.from - at));
}

// weigh turns a query's scores into exponentials, of how far they are below the largest so far; those of keys that it does not see are
// zero. What has been summed up before shrinks as the largest grows.
VECTORS_16_BF16 static void weigh(const step *s, int64_t r) {
	const layout *l = s->l;
	const float *row = (float *)(s->space + l->scores) + r * LD;
	float *top = (float *)(s->space + l->top) + r, *sum = (float *)(s->space + l->sum) + r, *results = (float *)(s->space + l->results) + r * l->value_pairs * PAIR;
	uint32_t *tile = s->space + l->exponentials + (r / AMX_SIDE * ATTEND_KEYS / 2 + r % AMX_SIDE) * AMX_SIDE;
	int64_t length = (s->end - s->from) * PAIR;
	sight see = seen(s, s->b->first + r);
	if (see.end <= see.from) {
		for (int64_t at = 0; at < length; at += PAIR, tile += TILE_UNITS)
			_mm512_storeu_si512(tile, _mm512_setzero_si512());
		return;
	}
	__m512 most = _mm512_set1_ps(*top);
	for (int64_t at = see.from / AMX_SIDE * AMX_SIDE; at < see.end; at += AMX_SIDE)
		most = _mm512_mask_max_ps(most, seeing(see, at), most, _mm512_loadu_ps(row + at));
	float largest = _mm512_reduce_max_ps(most), shrunk = *top == -INFINITY ? 0 : _mm512_cvtss_f32(power(_mm512_set1_ps(*top - largest)));
	__m512 below = _mm512_set1_ps(largest), even = _mm512_setzero_ps(), odd = _mm512_setzero_ps();
	for (int64_t at = 0; at < length; at += PAIR, tile += TILE_UNITS) {
		__m512 e0 = _mm512_maskz_mov_ps(seeing(see, at), power(_mm512_sub_ps(_mm512_loadu_ps(row + at), below)));
		__m512 e1 = _mm512_maskz_mov_ps(seeing(see, at + AMX_SIDE), power(_mm512_sub_ps(_mm512_loadu_ps(row + at + AMX_SIDE), below)));
		even = _mm512_add_ps(even, e0);
		odd = _mm512_add_ps(odd, e1);
		_mm512_storeu_si512(tile, (__m512i)_mm512_cvtne2ps_pbh(e1, e0));
	}
	*top = largest;
	*sum = *sum * shrunk + _mm512_reduce_add_ps(_mm512_add_ps(even, odd));
	if (shrunk == 1)
		return;
	for (int64_t v = 0; v < l->value_pairs * PAIR; v += AMX_SIDE)
		_mm512_storeu_ps(results + v, _mm512_mul_ps(_mm512_loadu_ps(results + v), _mm512_set1_ps(shrunk)));
}

// mix adds up the values.
VECTORS_16_BF16 static void mix(const step *s) {
	const layout *l = s->l;
	for (int64_t r = 0; r < s->n; r += PAIR)
		for (int64_t v = 0; v < l->value_pairs; v++) {
			kernel_product p = {.rows = s->space + l->exponentials + r * ATTEND_KEYS / 2, .columns = s->space + l->values + (2 * v * l->key_tiles + s->from) * TILE_UNITS,
								  .wanted = s->n - r, .n = s->end - s->from, .rows_apart = ATTEND_KEYS / PAIR, .columns_apart = l->key_tiles,
								  .c = (float *)(s->space + l->results) + r * l->value_pairs * PAIR + v * PAIR, .ld = l->value_pairs * PAIR, .more = 1};
			s->multiply(&p);
		}
}

// begin clears the results: a query has seen nothing but the sink.
static void begin(const step *s) {
	const layout *l = s->l;
	float *top = (float *)(s->space + l->top), *sum = (float *)(s->space + l->sum);
	memset(s->space + l->results, 0, (size_t)(kernel_ceil_div(s->n, PAIR) * PAIR * l->value_pairs * PAIR) * sizeof(float));
	for (int64_t r = 0; r < s->n; r++) {
		top[r] = s->b->sink * LOG2_E;
		sum[r] = s->b->sink == -INFINITY ? 0 : 1;
	}
}

VECTORS_16_BF16 void kernel_attend(int kind, const kernel_head *h, uint32_t *space, float *dst, const kernel_block *b) {
	layout l = layout_of(h);
	int64_t n = b->end - b->first, first = b->window && b->first - b->window + 1 > 0 ? b->first - b->window + 1 : 0;
	step s = {.l = &l, .space = aligned(space), .b = b, .n = n};
	s.multiply = kind == PANELS_AMX ? kernel_amx_product : kernel_vector_product;
	begin(&s);
	if (kind == PANELS_AMX)
		kernel_amx_configure();
	for (int64_t from = first / ATTEND_KEYS * ATTEND_KEYS; from < b->end; from += ATTEND_KEYS) {
		s.from = (from > first ? from : first) / PAIR;
		s.end = kernel_ceil_div(kernel_least(b->end, from + ATTEND_KEYS), PAIR);
		score(&s);
		for (int64_t r = 0; r < n; r++)
			weigh(&s, r);
		mix(&s);
	}
	if (kind == PANELS_AMX)
		kernel_amx_release();
	for (int64_t r = 0; r < n; r++) {
		const float *row = (float *)(s.space + l.results) + r * l.value_pairs * PAIR, whole = 1 / ((float *)(s.space + l.sum))[r];
		for (int64_t v = 0; v < h->values; v++)
			dst[r * b->ld + v] = row[v] * whole;
	}
}
#else
void kernel_attend_keys(const kernel_head *h, uint32_t *space, const uint16_t *src, const kernel_columns *c) { abort(); }

void kernel_attend_values(const kernel_head *h, uint32_t *space, const uint16_t *src, const kernel_columns *c) { abort(); }

void kernel_attend_queries(const kernel_head *h, uint32_t *space, const float *src, const kernel_columns *c, float scale) { abort(); }

void kernel_attend(int kind, const kernel_head *h, uint32_t *space, float *dst, const kernel_block *b) { abort(); }
#endif

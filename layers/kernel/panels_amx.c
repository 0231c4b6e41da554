//go:build cgo && !noonednn

// Products by the matrix unit (AMX): a tile is 16 rows of 64 bytes. A pair of tiles of rows times the two tiles of a step of weights, 16
// units of the 32 outputs of a panel, add to four tiles of sums.
//
//	rows    [pairs, units/16, 2, 16, 16] units: both tiles of a pair side by side, a last one without its pair alone; what fills
//	        up the last tile is zero
//	panels  [4, panels, units/32, 16, 16] units: four streams, of which every two steps read a tile each
//
// A core has about twenty lines on their way from memory that it asks for by itself, in each stream that it reads, and few others. In
// one stream that is too little to go on with while the core computes, and takes the time of both; in four they overlap.
//
// Panels lie in the order 0, half, 1, half + 1 …, if they can be halved: a panel of gates beside that of their ups. Their 32 outputs,
// joined, are a step of the rows of the product that follows. They are written there, and the sums of gates and ups do not leave the caches.
//
// All pairs of a block of rows go over some units of a panel, which lie in the first cache then, before the next units. Each asks for
// a part of the weights that come a little later in each stream. Results go past the caches: lines that are written whole need not be read
// first, and would push out rows and weights.
#include "amx.h"
#include "panels.h"

#include <stdlib.h>
#include <string.h>

#define SIDE AMX_SIDE
#define LINE AMX_LINE
#define TILE AMX_TILE
#define BLOCK 10            // pairs of tiles of rows, at most, that go over weights together, and
#define SPAN (BLOCK * 1024) // how many units of one of their rows times pairs: they are in the second cache then
#define STREAMS 4

// Few pairs of rows, up to so many, go over fewer units of a panel at a time. Pairs up to SOON ask for the weights that are needed next.
#define FEW 4
#define FEW_UNITS 64
#define MANY_UNITS 128
#define SOON 7
#define SOON_AHEAD 256 // bytes
#define LATE_AHEAD 2048

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

// place_tile writes rows, at most SIDE, as a tile for every SIDE units, step units apart.
AMX static void place_tile(const kernel_panels *p, uint32_t *tile, int64_t step, kernel_given x, int64_t rows) {
	for (int64_t from = 0; from < 2 * p->units; from += 2 * SIDE, tile += step) {
		int64_t left = p->k - from;
		uint32_t there = left >= 2 * SIDE ? UINT32_MAX : left > 0 ? (1u << left) - 1 : 0;
		for (int64_t r = 0; r < SIDE; r++)
			_mm512_storeu_si512(tile + r * SIDE, r < rows ? line(kernel_given_from(x, r * p->k + from), there) : _mm512_setzero_si512());
	}
}

void kernel_amx_rows(const kernel_panels *p, uint32_t *rows, kernel_given x, int64_t m, int64_t first, int64_t end) {
	int64_t tiles = kernel_ceil_div(m, SIDE);
	for (int64_t i = first; i < end; i++) {
		int64_t pair = i / 2 * 2, step = (pair + 1 < tiles ? 2 : 1) * SIDE * SIDE;
		place_tile(p, rows + pair * SIDE * p->units + i % 2 * SIDE * SIDE, step, kernel_given_from(x, i * SIDE * p->k), kernel_least(SIDE, m - i * SIDE));
	}
}

// stream_size is the units of a stream, stream_at where in it the weights of the panel in a place begin, from a unit on.
static int64_t stream_size(const kernel_panels *p) { return p->panels * p->units * PANELS_WIDTH / STREAMS; }

static int64_t stream_at(const kernel_panels *p, int64_t place, int64_t unit) { return (place * p->units + unit) * PANELS_WIDTH / STREAMS; }

static int halved(const kernel_panels *p) { return p->panels % 2 == 0; }

// panel_in is the panel that lies in a place, place_of the place of a panel.
static int64_t panel_in(const kernel_panels *p, int64_t place) { return halved(p) ? place % 2 * p->panels / 2 + place / 2 : place; }

static int64_t place_of(const kernel_panels *p, int64_t j) { return halved(p) ? j % (p->panels / 2) * 2 + j / (p->panels / 2) : j; }

int64_t kernel_amx_place(const kernel_panels *p, int64_t j, int64_t output, int64_t unit) {
	int64_t stream = unit / SIDE % 2 * 2 + output / SIDE, in_tile = unit % SIDE * SIDE + output % SIDE;
	return stream * stream_size(p) + stream_at(p, place_of(p, j), unit / (2 * SIDE) * 2 * SIDE) + in_tile;
}

// product is a pair of tiles of rows, or a last tile alone, times some units of a panel.
typedef struct {
	const char *rows, *w;
	int64_t units;
	int64_t stream; // bytes from one stream to the next
	int64_t ask;    // bytes from a step's weights to those to ask for
	float *sums;    // [2·SIDE, PANELS_WIDTH]
	int first;      // there are no sums yet
} product;

#define EACH_SUM(does, c, bytes)                          \
	does(0, c, bytes);                                    \
	does(1, (c) + SIDE, bytes);                           \
	if (pair) {                                           \
		does(2, (c) + SIDE * PANELS_WIDTH, bytes);        \
		does(3, (c) + SIDE * PANELS_WIDTH + SIDE, bytes); \
	}

// ask asks for lines of weights from a place on, which the compiler is not to fold into one of its own for each of them.
static inline __attribute__((always_inline)) void ask(const char *from, const int lines) {
	__asm__("" : "+r"(from));
#pragma GCC unroll 16
	for (int i = 0; i < lines; i++)
		__builtin_prefetch(from + i * LINE, 0, 2);
}

// add goes on with the sums, and asks for some lines for every step: those of both tiles, or of one.
AMX static inline __attribute__((always_inline)) void add(const product *t, const int pair, const int lines) {
	const int64_t apart = PANELS_WIDTH * sizeof(float);
	if (t->first) {
		_tile_zero(0);
		_tile_zero(1);
		_tile_zero(2);
		_tile_zero(3);
	} else {
		EACH_SUM(_tile_loadd, t->sums, apart)
	}
	const char *x = t->rows, *w = t->w;
	for (int64_t l = 0; l < t->units; l += 2 * SIDE, w += TILE) {
#pragma GCC unroll 2
		for (int odd = 0; odd < 2; odd++, x += pair ? 2 * TILE : TILE) {
			const char *first = w + 2 * odd * t->stream, *second = first + t->stream;
			ask(first + t->ask, lines < TILE / LINE ? lines : TILE / LINE);
			if (lines > TILE / LINE)
				ask(second + t->ask, TILE / LINE);
			_tile_loadd(4, x, LINE);
			_tile_loadd(6, first, LINE);
			_tile_dpbf16ps(0, 4, 6);
			_tile_loadd(7, second, LINE);
			_tile_dpbf16ps(1, 4, 7);
			if (pair) {
				_tile_loadd(5, x + TILE, LINE);
				_tile_dpbf16ps(2, 5, 6);
				_tile_dpbf16ps(3, 5, 7);
			}
		}
	}
	EACH_SUM(_tile_stored, t->sums, apart)
}

// add_asking is add where each of some pairs asks for its part of a step's lines: this one is the i-th, and its part lies in the first
// tile or in the second. Inlined, its loops are compiled worse.
AMX static __attribute__((noinline)) void add_asking(product *t, int pair, int64_t i, int64_t pairs) {
	const int64_t ahead = pairs <= SOON ? SOON_AHEAD : LATE_AHEAD;
#define ASKING(lines)                                                                     \
	t->ask = ahead + i * (lines) * LINE / TILE * (t->stream - TILE) + i * (lines) * LINE; \
	if (pair)                                                                             \
		add(t, 1, lines);                                                                 \
	else                                                                                  \
		add(t, 0, lines);
	if (pairs == 1) {
		ASKING(32)
	} else if (pairs < 4 && i < 2) {
		ASKING(16)
	} else if (pairs < 8 && i < 4) {
		ASKING(8)
	} else if (i < 8) {
		ASKING(4)
	} else {
		ASKING(0)
	}
}

// block is some tiles of rows and a span of units: all from the first to before the second.
typedef struct {
	int64_t tiles[2], units[2];
} block;

// pair_sums are those of each pair of a block, [2·SIDE, PANELS_WIDTH], with one panel.
typedef float pair_sums[BLOCK][2 * SIDE * PANELS_WIDTH];

static int64_t pairs_in(block b) { return kernel_ceil_div(b.tiles[1] - b.tiles[0], 2); }

// add_panel goes on with the sums of a block and the panel in a place.
AMX static void add_panel(const kernel_panels *p, pair_sums sums, const uint32_t *rows, block b, int64_t place) {
	int64_t pairs = pairs_in(b), depth = pairs <= FEW ? FEW_UNITS : MANY_UNITS;
	for (int64_t from = b.units[0]; from < b.units[1]; from += depth) {
		product t = {.w = (const char *)(p->w + stream_at(p, place, from)), .units = kernel_least(depth, b.units[1] - from)};
		t.stream = stream_size(p) * (int64_t)sizeof *p->w;
		t.first = from == 0;
		for (int64_t i = 0; i < pairs; i++) {
			int64_t tile = b.tiles[0] + 2 * i, side = tile + 1 < b.tiles[1] ? 2 : 1;
			t.rows = (const char *)(rows + (tile * p->units + side * from) * SIDE);
			t.sums = sums[i];
			add_asking(&t, side == 2, i, pairs);
		}
	}
}

// part is where the sums of a pair and a panel go: rows × cols at dst, whose rows are n values apart.
typedef struct {
	float *dst;
	int64_t rows, cols, n;
} part;

static part part_of(const kernel_panels *p, float *dst, int64_t m, int64_t tile, int64_t j) {
	int64_t row = tile * SIDE, col = j * PANELS_WIDTH;
	return (part){dst + row * p->n + col, kernel_least(2 * SIDE, m - row), kernel_least(PANELS_WIDTH, p->n - col), p->n};
}

static void get(float *sums, part c) {
	for (int64_t r = 0; r < c.rows; r++)
		memcpy(sums + r * PANELS_WIDTH, c.dst + r * c.n, (size_t)c.cols * sizeof *sums);
}

// put writes sums, past the caches if that is wanted and they are whole lines there.
AMX static void put(part c, const float *sums, int past) {
	const int lines = c.cols == PANELS_WIDTH && c.n % SIDE == 0 && (uintptr_t)c.dst % LINE == 0;
	for (int64_t r = 0; r < c.rows; r++, sums += PANELS_WIDTH, c.dst += c.n) {
		__m512 first = _mm512_load_ps(sums), second = _mm512_load_ps(sums + SIDE);
		if (past && lines) {
			_mm512_stream_ps(c.dst, first);
			_mm512_stream_ps(c.dst + SIDE, second);
		} else if (c.cols == PANELS_WIDTH) {
			_mm512_storeu_ps(c.dst, first);
			_mm512_storeu_ps(c.dst + SIDE, second);
		} else {
			memcpy(c.dst, sums, (size_t)c.cols * sizeof *sums);
		}
	}
}

// mul_block goes on with the results of the panels in places [first, end). dst holds them if units before the block's have been added.
AMX static void mul_block(const kernel_panels *p, float *dst, const uint32_t *rows, int64_t m, block b, int64_t first, int64_t end) {
	pair_sums sums __attribute__((aligned(LINE)));
	int more = b.units[0] > 0, past = b.units[1] == p->units;
	for (int64_t place = first; place < end; place++) {
		int64_t j = panel_in(p, place);
		for (int64_t i = 0; more && i < pairs_in(b); i++)
			get(sums[i], part_of(p, dst, m, b.tiles[0] + 2 * i, j));
		add_panel(p, sums, rows, b, place);
		for (int64_t i = 0; i < pairs_in(b); i++)
			put(part_of(p, dst, m, b.tiles[0] + 2 * i, j), sums[i], past);
	}
}

// pairs_of is the pairs of tiles of m rows.
static int64_t pairs_of(int64_t m) { return kernel_ceil_div(m, 2 * SIDE); }

// most_of is how many of them a block has at most: so many that its span may be all units, if they are not too few to read weights for.
static int64_t most_of(const kernel_panels *p) {
	int64_t whole = SPAN / p->units;
	return FEW <= whole && whole < BLOCK ? whole : BLOCK;
}

static int64_t blocks_of(const kernel_panels *p, int64_t m) { return kernel_ceil_div(pairs_of(m), most_of(p)); }

// span_of is how many units a block of some pairs goes over at a time.
static int64_t span_of(int64_t pairs) { return SPAN / pairs / MANY_UNITS * MANY_UNITS; }

// block_of is the n-th block of m rows, with units from one on.
static block block_of(const kernel_panels *p, int64_t m, int64_t n, int64_t unit) {
	int64_t from = kernel_cut(pairs_of(m), most_of(p), n), to = kernel_cut(pairs_of(m), most_of(p), n + 1);
	return (block){{2 * from, kernel_least(kernel_ceil_div(m, SIDE), 2 * to)}, {unit, kernel_least(p->units, unit + span_of(to - from))}};
}

AMX void kernel_amx_mul(const kernel_panels *p, float *dst, const uint32_t *rows, int64_t m, int64_t first, int64_t end) {
	kernel_amx_configure();
	for (int64_t n = 0; n < blocks_of(p, m); n++) {
		for (int64_t unit = 0; unit < p->units;) {
			block b = block_of(p, m, n, unit);
			mul_block(p, dst, rows, m, b, first, end);
			unit = b.units[1];
		}
	}
	kernel_amx_release();
	_mm_sfence(); // what went past the caches is there for other threads
}

// add_bias adds to the sums of rows and a panel their outputs' biases.
AMX static void add_bias(float *sums, const float *bias, int64_t rows) {
	__m512 first = _mm512_loadu_ps(bias), second = _mm512_loadu_ps(bias + SIDE);
	for (int64_t r = 0; r < rows; r++, sums += PANELS_WIDTH) {
		_mm512_store_ps(sums, _mm512_add_ps(_mm512_load_ps(sums), first));
		_mm512_store_ps(sums + SIDE, _mm512_add_ps(_mm512_load_ps(sums + SIDE), second));
	}
}

// join writes the joined sums of rows, of a panel of gates and that of their ups, as they are read.
AMX static void join(uint32_t *dst, const float *gates, const float *ups, int64_t rows, kernel_gate gate) {
	float joined[2 * SIDE * PANELS_WIDTH] __attribute__((aligned(LINE)));
	kernel_gate_values(joined, gates, ups, rows * PANELS_WIDTH, gate);
	for (int64_t r = 0; r < rows; r++)
		_mm512_storeu_si512(dst + r * SIDE, line((kernel_given){joined + r * PANELS_WIDTH, 0}, UINT32_MAX));
}

// Of a tile of rows or less there is so little to keep in the caches that stopping for it after every panel costs more.
int kernel_amx_joins(const kernel_panels *p, int64_t m) {
	return m > SIDE && p->n % (4 * PANELS_WIDTH) == 0 && p->units <= span_of(kernel_ceil_div(pairs_of(m), blocks_of(p, m)));
}

AMX void kernel_amx_joined(const kernel_panels *p, uint32_t *dst, const uint32_t *rows, int64_t m, kernel_joining how, int64_t first, int64_t end) {
	pair_sums gates __attribute__((aligned(LINE))), ups __attribute__((aligned(LINE)));
	int64_t half = p->panels / 2;
	kernel_amx_configure();
	for (int64_t n = 0; n < blocks_of(p, m); n++) {
		block b = block_of(p, m, n, 0);
		for (int64_t j = first; j < end; j++) {
			add_panel(p, gates, rows, b, 2 * j);
			add_panel(p, ups, rows, b, 2 * j + 1);
			for (int64_t i = 0; i < pairs_in(b); i++) {
				int64_t tile = b.tiles[0] + 2 * i, side = tile + 1 < b.tiles[1] ? 2 : 1, there = kernel_least(2 * SIDE, m - tile * SIDE);
				if (how.bias) {
					add_bias(gates[i], how.bias + j * PANELS_WIDTH, there);
					add_bias(ups[i], how.bias + (half + j) * PANELS_WIDTH, there);
				}
				join(dst + (tile * half + side * j) * SIDE * SIDE, gates[i], ups[i], there, how.gate);
			}
		}
	}
	kernel_amx_release();
}
#else
int64_t kernel_amx_place(const kernel_panels *p, int64_t j, int64_t output, int64_t unit) { abort(); }

void kernel_amx_rows(const kernel_panels *p, uint32_t *rows, kernel_given x, int64_t m, int64_t first, int64_t end) { abort(); }

void kernel_amx_mul(const kernel_panels *p, float *dst, const uint32_t *rows, int64_t m, int64_t first, int64_t end) { abort(); }

int kernel_amx_joins(const kernel_panels *p, int64_t m) { return 0; }

void kernel_amx_joined(const kernel_panels *p, uint32_t *dst, const uint32_t *rows, int64_t m, kernel_joining how, int64_t first, int64_t end) { abort(); }
#endif

//go:build cgo && !noonednn

// Products by vectors: rows are cut into blocks, and blocks into tiles whose sums stay in registers. The first tiles on a panel ask for the next
// one, each for a part. A core has about twenty lines on their way that it asks for by itself in each stream that it reads, and few others: where
// that pays, the lines asked for are apart, in streams side by side. Few rows are through with weights before memory brings the next. On cores of
// AMD what they ask for far ahead then fills the queue that reads go through, and takes longer than what the core itself reads ahead in a stream: the
// fewest ask for what comes next, and some more for one line of several, which has the core read ahead there.
#include "panels.h"
#include "tile.h"

#define BLOCK 120 // rows that go over a block of W while they are in cache: whole tiles
#define DEPTH 512 // units brought into order at a time
#define ASKING 4  // tiles that ask, at most
#define LINE 64
#define FEWEST 2  // rows
#define NEAR 1024 // bytes
#define FURTHER 8192
#define SPARSE (4 * LINE)

typedef uint32_t unit __attribute__((aligned(2)));
typedef uint32_t four __attribute__((vector_size(16), aligned(2)));

// place_four writes units of four rows; those of a unit lie beside each other, and units so many values apart.
static void place_four(uint32_t *dst, int64_t apart, const void *const rows[4], int64_t depth) {
	const unit *const units[4] = {rows[0], rows[1], rows[2], rows[3]};
	int64_t l = 0;
	for (; l + 4 <= depth; l += 4, dst += 4 * apart) {
		four a = *(const four *)(units[0] + l), b = *(const four *)(units[1] + l), c = *(const four *)(units[2] + l), d = *(const four *)(units[3] + l);
		four ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
		*(four *)dst = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
		*(four *)(dst + apart) = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
		ab = __builtin_shufflevector(a, b, 2, 6, 3, 7), cd = __builtin_shufflevector(c, d, 2, 6, 3, 7);
		*(four *)(dst + 2 * apart) = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
		*(four *)(dst + 3 * apart) = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
	}
	for (; l < depth; l++, dst += apart)
		*(four *)dst = (four){units[0][l], units[1][l], units[2][l], units[3][l]};
}

// place_one writes units of a row, so many values apart; where units have two parts, the values of both, a tile's rows apart.
static void place_one(uint32_t *dst, int64_t parts, int64_t rows, const unit *units, int64_t depth) {
	for (int64_t l = 0; l < depth; l++, dst += parts * rows) {
		dst[0] = parts == 1 ? units[l] : units[l] << 16;
		if (parts == 2)
			dst[rows] = units[l] & 0xffff0000;
	}
}

// units_of is depth units of a row from unit from on: where they lie already, or written to dst.
static const void *units_of(const kernel_panels *p, uint32_t *dst, kernel_given row, int64_t from, int64_t depth) {
	int64_t per = p->bf16 ? 2 : 1;
	if (p->bf16 == row.bf16 && per * (from + depth) <= p->k)
		return kernel_given_from(row, per * from).x;
	kernel_panels_units(p, dst, row, from, depth);
	return dst;
}

// place_tile writes rows as units; of a unit, that of every row. Where units have two parts it is the values of both.
static void place_tile(const kernel_panels *p, uint32_t *tile, kernel_given x, int64_t rows) {
	uint32_t units[4][DEPTH];
	int64_t parts = kernel_tiles_of(p->kind)->parts;
	for (int64_t r = 0, some; r < rows; r += some) {
		some = parts == 1 && r + 4 <= rows ? 4 : 1;
		for (int64_t from = 0; from < p->units; from += DEPTH) {
			int64_t depth = kernel_least(DEPTH, p->units - from);
			uint32_t *at = tile + from * parts * rows + r;
			const void *row[4];
			for (int64_t i = 0; i < some; i++)
				row[i] = units_of(p, units[i], kernel_given_from(x, (r + i) * p->k), from, depth);
			if (some == 4)
				place_four(at, rows, row, depth);
			else
				place_one(at, parts, rows, row[0], depth);
		}
	}
}

int64_t kernel_vector_space(const kernel_panels *p, int64_t m) { return m * p->units * kernel_tiles_of(p->kind)->parts; }

int64_t kernel_vector_parts(int64_t m) { return kernel_ceil_div(m, BLOCK); }

void kernel_vector_rows(const kernel_panels *p, uint32_t *rows, kernel_given x, int64_t m, int64_t first, int64_t end) {
	int64_t most = kernel_tiles_of(p->kind)->rows;
	for (int64_t b = first; b < end; b++) {
		int64_t start = kernel_cut(m, BLOCK, b), size = kernel_cut(m, BLOCK, b + 1) - start;
		for (int64_t t = 0; t < kernel_ceil_div(size, most); t++) {
			int64_t at = start + kernel_cut(size, most, t), n = start + kernel_cut(size, most, t + 1) - at;
			place_tile(p, rows + kernel_vector_space(p, at), kernel_given_from(x, at * p->k), n);
		}
	}
}

// ask_for has tile i of a block of so many rows ask for its part of the panel of so many bytes behind its own.
static void ask_for(kernel_tile *t, const kernel_tiles *of, int64_t bytes, int64_t i, int64_t rows) {
	int64_t tiles = kernel_ceil_div(rows, of->rows), asking = kernel_least(tiles, ASKING), part = bytes / asking, stream = part / TILE_LINES;
	const char *panel = (const char *)t->panel;
	t->pause = kernel_least(t->units, t->units * LINE / stream);
	if (i >= asking) {
		t->ahead = panel;
		t->apart = 0;
		t->pause = t->units;
	} else if (of->apart) {
		t->ahead = panel + bytes + i * stream;
		t->apart = bytes / TILE_LINES;
		t->next = LINE;
	} else if (rows > FEWEST && rows <= of->few) {
		t->ahead = panel + FURTHER;
		t->apart = SPARSE;
		t->next = TILE_LINES * SPARSE;
		t->pause = kernel_least(t->units, t->pause * SPARSE / LINE);
	} else {
		t->ahead = panel + (rows <= of->few ? NEAR : bytes + i * part);
		t->apart = LINE;
		t->next = TILE_LINES * LINE;
	}
}

// block computes panels [first, end) of the rows [start, start+size) as far as the inputs from unit from on go.
static void block(const kernel_panels *p, float *dst, const uint32_t *rows, const int64_t at[4], int64_t from) {
	const kernel_tiles *of = kernel_tiles_of(p->kind);
	int64_t start = at[0], size = at[1], first = at[2], end = at[3], tiles = kernel_ceil_div(size, of->rows);
	kernel_tile t = {.units = kernel_least(p->depth, p->units - from), .ld = p->n, .more = from > 0};
	int64_t panel_size = t.units * p->width;
	for (int64_t j = first; j < end; j++) {
		const uint32_t *panel = p->w + from * p->panels * p->width + j * panel_size;
		t.panel = (const float *)panel;
		t.cols = kernel_least(p->width, p->n - j * p->width);
		for (int64_t i = 0; i < tiles; i++) {
			int64_t row = start + kernel_cut(size, of->rows, i), m = start + kernel_cut(size, of->rows, i + 1) - row;
			t.rows = (const float *)(rows + (row * p->units + from * m) * of->parts);
			t.dst = dst + row * p->n + j * p->width;
			ask_for(&t, of, panel_size * (int64_t)sizeof *panel, i, size);
			of->multiply(&t, m);
		}
	}
}

void kernel_vector_mul(const kernel_panels *p, float *dst, const uint32_t *rows, int64_t m, int64_t first, int64_t end) {
	for (int64_t b = 0; b < kernel_ceil_div(m, BLOCK); b++) {
		int64_t start = kernel_cut(m, BLOCK, b);
		for (int64_t from = 0; from < p->units; from += p->depth)
			block(p, dst, rows, (int64_t[]){start, kernel_cut(m, BLOCK, b + 1) - start, first, end}, from);
	}
}

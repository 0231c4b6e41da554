// The part of tiles.c that is made of vectors of LANES values, for the kind TILES of tiles. It is included once for each width.
#define PASTE(name, lanes) name##_##lanes
#define PASTED(name, lanes) PASTE(name, lanes)
#define OF(name) PASTED(name, LANES)
#define COLS (2 * LANES) // columns of a panel

// square is some rows of B, at most LANES, turned: its vector l holds column l. What lies beyond rows and cols counts as zero.
OF(INLINE) void OF(square)(OF(values) column[LANES], const float *b, int64_t ldb, int64_t rows, int64_t cols) {
	for (int i = 0; i < LANES; i++)
		column[i] = i < rows ? OF(load_some)(b + i * ldb, cols) : OF(every)(0);
	OF(turn)(column);
}

// place_panels writes DEPTH rows of op(B) from row l on, cut into panels of COLS of the columns j to j+cols. What the last panel has beyond
// them makes results that are not kept.
OF(VECTORS) static void OF(place_panels)(float *panels, const kernel_gemm_sizes *s, const float *b, int64_t j, int64_t cols, int64_t l) {
	int64_t depth = kernel_least(DEPTH, s->k - l);
	if (s->trans_b) {
		for (int64_t half = 0; half < cols; half += LANES) {
			float *dst = panels + half / COLS * COLS * DEPTH + half % COLS;
			for (int64_t at = 0; at < depth; at += LANES) {
				OF(values) column[LANES];
				OF(square)(column, b + (j + half) * s->ldb + l + at, s->ldb, cols - half, depth - at);
				for (int i = 0; i < LANES; i++)
					OF(store)(dst + (at + i) * COLS, column[i]);
			}
		}
		return;
	}
	for (int64_t i = 0; i < depth; i++) {
		const float *row = b + (l + i) * s->ldb + j;
		for (int64_t half = 0; half < cols; half += LANES)
			OF(store)(panels + half / COLS * COLS * DEPTH + i * COLS + half % COLS, OF(load_some)(row + half, cols - half));
	}
}

// place_rows writes alpha times m rows of A, depth of their values, as columns of m. It may write up to LANES·m values more.
OF(VECTORS) static void OF(place_rows)(float *rows, const kernel_gemm_sizes *s, const float *a, int64_t m, int64_t depth) {
	OF(values) alpha = OF(every)(s->alpha), column[LANES];
	for (int64_t l = 0; l < depth; l += LANES) {
		OF(square)(column, a + l, s->lda, m, depth - l);
		for (int i = 0; i < LANES; i++)
			OF(store_some)(rows + (l + i) * m, OF(mul)(alpha, column[i]), m);
	}
}

// slice adds DEPTH values of k from l on to the m rows of C at c.
OF(VECTORS) static void OF(slice)(const kernel_gemm_sizes *s, float *c, const float *a, const float *b, int64_t m, int64_t l) {
	const kernel_tiles *of = kernel_tiles_of(TILES);
	float rows[BLOCK * DEPTH + LANES * MOST_ROWS], panels[GROUP * DEPTH] __attribute__((aligned(64)));
	int64_t depth = kernel_least(DEPTH, s->k - l), tiles = kernel_ceil_div(m, of->rows);
	for (int64_t i = 0; i < tiles; i++) {
		int64_t at = m * i / tiles;
		OF(place_rows)(rows + at * depth, s, a + at * s->lda + l, m * (i + 1) / tiles - at, depth);
	}
	for (int64_t group = 0; group < s->n; group += GROUP) {
		int64_t cols = kernel_least(GROUP, s->n - group);
		OF(place_panels)(panels, s, b, group, cols, l);
		for (int64_t j = 0; j < cols; j += COLS)
			for (int64_t i = 0; i < tiles; i++) {
				int64_t at = m * i / tiles;
				kernel_tile t = {.rows = rows + at * depth, .panel = panels + j * DEPTH, .units = depth, .cols = cols - j, .ld = s->ldc};
				t.dst = c + at * s->ldc + group + j;
				t.more = s->accumulate || l > 0;
				t.ahead = (const char *)t.panel;
				t.pause = depth;
				of->multiply(&t, m * (i + 1) / tiles - at);
			}
	}
}

#undef PASTE
#undef PASTED
#undef OF
#undef COLS
#undef TILES
#undef LANES

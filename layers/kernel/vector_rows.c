//go:build cgo && !noonednn

// Products and sums of single rows with vectors. 16 values are worked on at a time: of float32 the lower 8 and the upper 8 in a vector, of
// bf16, which lie in pairs, the even and the odd ones.
#include "vector.h"
#include "clones.h"
#include "unfused.h"

#include <string.h>

#define LANES 16
#define HALF (LANES / 2)
#define LINE 64
#define AHEAD 6144 // bytes
#define GAPS 3     // times the rows of a head: how far apart those of the next may begin that it reads on to
#define COLUMNS 4  // of LANES, whose sums stay in registers for
#define ROWS 16    // rows
#define APART_AHEAD 128 // values of each of rows that lie apart

// Vectors of 16 would go through memory where registers hold 8.
typedef float eight __attribute__((vector_size(32)));
typedef float four __attribute__((vector_size(16)));
typedef uint32_t words __attribute__((vector_size(32)));

// lanes is 16 values: lower and upper ones, or even and odd ones.
typedef struct {
	eight part[2];
} lanes;

#define EVEN 0, 2, 4, 6, 8, 10, 12, 14
#define ODD 1, 3, 5, 7, 9, 11, 13, 15
#define FIRST_MIXED 0, 8, 1, 9, 2, 10, 3, 11
#define SECOND_MIXED 4, 12, 5, 13, 6, 14, 7, 15

// in_pairs is lower and upper values as even and odd ones; in_halves turns them back.
INLINE lanes in_pairs(lanes x) {
	return (lanes){{__builtin_shuffle(x.part[0], x.part[1], (words){EVEN}), __builtin_shuffle(x.part[0], x.part[1], (words){ODD})}};
}

INLINE lanes in_halves(lanes x) {
	return (lanes){{__builtin_shuffle(x.part[0], x.part[1], (words){FIRST_MIXED}), __builtin_shuffle(x.part[0], x.part[1], (words){SECOND_MIXED})}};
}

// load is the first n of 16 values; the others are zero.
INLINE lanes load(const void *x, int64_t n, const int bf16) {
	lanes v = {{{0}}};
	words pairs = {0};
	if (n > LANES)
		n = LANES;
	if (!bf16) {
		if (n == LANES)
			memcpy(&v, x, sizeof v);
		else
			memcpy(&v, x, (size_t)n * 4);
		return v;
	}
	if (n == LANES)
		memcpy(&pairs, x, sizeof pairs);
	else
		memcpy(&pairs, x, (size_t)n * 2);
	return (lanes){{(eight)(pairs << 16), (eight)(pairs & 0xffff0000)}};
}

INLINE void add(lanes *sum, lanes x, lanes y) {
	sum->part[0] += x.part[0] * y.part[0];
	sum->part[1] += x.part[1] * y.part[1];
}

// total adds the 16 up as SUM_LANES in vector.c does: i and i+8, then i and i+4, i and i+2, and the last two.
INLINE float total(lanes x, const int bf16) {
	if (bf16) {
		four sums[2][2];
		memcpy(sums, &x, sizeof sums);
		four even = sums[0][0] + sums[0][1], odd = sums[1][0] + sums[1][1];
		return ((even[0] + even[2]) + (even[1] + even[3])) + ((odd[0] + odd[2]) + (odd[1] + odd[3]));
	}
	eight half = x.part[0] + x.part[1];
	four quarter[2];
	memcpy(quarter, &half, sizeof quarter);
	quarter[0] += quarter[1];
	return (quarter[0][0] + quarter[0][2]) + (quarter[0][1] + quarter[0][3]);
}

// ask asks for what is a little behind a row, into the second cache: the first has fewer lines on their way. Rows of keys and values follow each other.
INLINE void ask(const void *row, int64_t bytes) {
	for (int64_t i = 0; i < bytes; i += LINE)
		__builtin_prefetch((const char *)row + AHEAD + i, 0, 2);
}

// value is where value i of row r is.
INLINE const void *value(kernel_given x, kernel_rows rows, int64_t r, int64_t i) { return kernel_given_from(x, r * rows.stride + i).x; }

INLINE void dots(float *dst, const float *q, float scale, kernel_given x, kernel_rows rows) {
	const int64_t blocks = (rows.width + LANES - 1) / LANES;
	lanes own[blocks];
	for (int64_t i = 0; i < blocks; i++) {
		own[i] = load(q + i * LANES, rows.width - i * LANES, 0);
		if (x.bf16)
			own[i] = in_pairs(own[i]);
	}
	for (int64_t r = 0; r < rows.n; r++) {
		lanes sum = {{{0}}};
		ask(value(x, rows, r, 0), rows.width * (x.bf16 ? 2 : 4));
		for (int64_t i = 0; i < rows.width / LANES; i++)
			add(&sum, own[i], load(value(x, rows, r, i * LANES), LANES, x.bf16));
		if (rows.width % LANES)
			add(&sum, own[blocks - 1], load(value(x, rows, r, (blocks - 1) * LANES), rows.width % LANES, x.bf16));
		dst[r] += scale * total(sum, x.bf16);
	}
}

UP_TO_8 static void dots_8(float *dst, const float *q, float scale, kernel_given x, kernel_rows rows) {
	if (x.bf16)
		dots(dst, q, scale, (kernel_given){x.x, 1}, rows);
	else
		dots(dst, q, scale, (kernel_given){x.x, 0}, rows);
}

// read_on reads what lies between the rows of head h and those of the next, if that is not much more than the rows themselves: cores of AMD come
// over such a gap later than over what it holds.
static void read_on(kernel_given x, kernel_rows rows, kernel_heads heads, int64_t h) {
#ifdef __x86_64__
	int64_t size = x.bf16 ? 2 : 4, used = rows.n * rows.stride, own = h / heads.shared;
	if (h + 1 == heads.n || (h + 1) / heads.shared == own || heads.rows > GAPS * used || !__builtin_cpu_is("amd"))
		return;
	const volatile char *head = kernel_given_from(x, own * heads.rows).x;
	for (int64_t at = used * size; at < heads.rows * size; at += LINE)
		(void)head[at];
#endif
}

void kernel_dots(float *dst, const float *q, float scale, kernel_given x, kernel_rows rows, kernel_heads heads, int lanes) {
	for (int64_t h = 0; h < heads.n; h++, dst += heads.weights, q += heads.width) {
		kernel_given own = kernel_given_from(x, h / heads.shared * heads.rows);
		if (lanes == LANES)
			kernel_dots_16(dst, q, scale, own, rows);
		else
			dots_8(dst, q, scale, own, rows);
		read_on(x, rows, heads, h);
	}
}

// weigh_block adds columns [at, at + n·LANES) of rows [from, end).
INLINE void weigh_block(float *dst, const float *weights, kernel_given x, kernel_rows rows, int64_t from, int64_t end, int64_t at, const int n) {
	lanes sums[COLUMNS];
	for (int i = 0; i < n; i++) {
		sums[i] = load(dst + at + i * LANES, LANES, 0);
		if (x.bf16)
			sums[i] = in_pairs(sums[i]);
	}
	for (int64_t r = from; r < end; r++) {
		eight weight = weights[r] - (eight){0};
		for (int i = 0; i < n; i++)
			add(&sums[i], (lanes){{weight, weight}}, load(value(x, rows, r, at + i * LANES), LANES, x.bf16));
	}
	for (int i = 0; i < n; i++) {
		if (x.bf16)
			sums[i] = in_halves(sums[i]);
		// Both at once would be written to memory and read back as one, which waits.
		memcpy(dst + at + i * LANES, &sums[i].part[0], sizeof sums[i].part[0]);
		memcpy(dst + at + i * LANES + HALF, &sums[i].part[1], sizeof sums[i].part[1]);
	}
}

// weigh adds all columns of some rows before it reads the next rows.
INLINE void weigh(float *dst, const float *weights, kernel_given x, kernel_rows rows) {
	for (int64_t from = 0; from < rows.n; from += ROWS) {
		int64_t end = from + ROWS < rows.n ? from + ROWS : rows.n, at = 0;
		for (int64_t r = from; r < end; r++)
			ask(value(x, rows, r, 0), rows.width * (x.bf16 ? 2 : 4));
		for (; at + COLUMNS * LANES <= rows.width; at += COLUMNS * LANES)
			weigh_block(dst, weights, x, rows, from, end, at, COLUMNS);
		for (; at + LANES <= rows.width; at += LANES)
			weigh_block(dst, weights, x, rows, from, end, at, 1);
		for (int64_t r = from; r < end; r++)
			for (int64_t i = at; i < rows.width; i++)
				dst[i] += weights[r] * load(value(x, rows, r, i), 1, x.bf16).part[0][0];
	}
}

UP_TO_8 static void weigh_8(float *dst, const float *weights, kernel_given x, kernel_rows rows) {
	if (x.bf16)
		weigh(dst, weights, (kernel_given){x.x, 1}, rows);
	else
		weigh(dst, weights, (kernel_given){x.x, 0}, rows);
}

void kernel_weigh(float *dst, const float *weights, kernel_given x, kernel_rows rows, kernel_heads heads, int lanes) {
	for (int64_t h = 0; h < heads.n; h++, dst += heads.width, weights += heads.weights) {
		kernel_given own = kernel_given_from(x, h / heads.shared * heads.rows);
		if (lanes == LANES)
			kernel_weigh_16(dst, weights, own, rows);
		else
			weigh_8(dst, weights, own, rows);
		read_on(x, rows, heads, h);
	}
}

// kernel_weigh_apart reads all rows at a time: a core has more reads under way in several streams than in one.
WIDE void kernel_weigh_apart(float *dst, const float *weights, kernel_apart rows, int64_t n, int64_t width) {
	int64_t at = 0;
	for (; at + COLUMNS * LANES <= width; at += COLUMNS * LANES) {
		lanes sums[COLUMNS];
		memcpy(sums, dst + at, sizeof sums);
		for (int64_t r = 0; r < n; r++) {
			const float *row = rows.row[r] + at;
			eight weight = weights[r] - (eight){0};
			for (int i = 0; i < COLUMNS; i++) {
				if (at + APART_AHEAD + COLUMNS * LANES <= width)
					__builtin_prefetch(row + APART_AHEAD + i * LANES, 0, 3);
				add(&sums[i], (lanes){{weight, weight}}, load(row + i * LANES, LANES, 0));
			}
		}
		memcpy(dst + at, sums, sizeof sums);
	}
	for (; at < width; at++)
		for (int64_t r = 0; r < n; r++)
			dst[at] += weights[r] * rows.row[r][at];
}

// Attention of one head by the matrix unit (AMX) or by vectors (AVX-512) of bf16: queries, keys, values and the exponentials of scores are
// bf16, sums are float32, and so are the softmax's (online: Milakov and Gimelshein 2018; by blocks of keys: Dao et al. 2022).
//
// One space holds what a head needs, as tiles of 16 × 16 units of 4 bytes, which are pairs of bf16:
//
//	keys    [⌈keys/32⌉·2, ⌈width/32⌉] tiles: a row is a pair of a key's columns, for 16 keys
//	values  [⌈values/32⌉·2, ⌈keys/32⌉] tiles: a row is a pair of keys, for 16 values
//	queries of a block, [4, ⌈width/32⌉] tiles: a row is a query
//	of a block of queries and keys: scores, and their exponentials as tiles
//	of a block of queries: results, largest scores, sums
//
// A result depends on its query, on the keys that it sees, and on nothing else, bit by bit: blocks of keys begin at multiples of
// ATTEND_KEYS, and what a query does not see adds zero.
#ifndef CAPMOE_KERNEL_ATTEND_H
#define CAPMOE_KERNEL_ATTEND_H

#include <stdint.h>

#define ATTEND_ROWS 64 // queries of a block

typedef struct {
	int64_t keys, width, values; // number of keys, length of keys and queries, length of values
} kernel_head;

typedef struct {
	int64_t first, end; // queries of a block, by the place of their own keys: at most ATTEND_ROWS
	int64_t window;     // keys that a query sees, its own among them; 0: all before it
	float sink;
	int64_t ld; // values between rows of the results
} kernel_block;

// kernel_columns is some rows, n of them from the first on, and some of their columns: what lies at src, rows stride values apart.
typedef struct {
	int64_t first, n, column, width, stride;
} kernel_columns;

// kernel_attend_space is the 4-byte units of the space.
int64_t kernel_attend_space(const kernel_head *h);

// kernel_attend_keys places columns of keys, and kernel_attend_values values, whole. first is a multiple of ATTEND_ROWS. The rows that
// end at h->keys come last, and so do the columns that end at h->width; column is even.
void kernel_attend_keys(const kernel_head *h, uint32_t *space, const uint16_t *src, const kernel_columns *c);
void kernel_attend_values(const kernel_head *h, uint32_t *space, const uint16_t *src, const kernel_columns *c);

// kernel_attend_queries places columns of a block's queries, times scale. c->first is 0.
void kernel_attend_queries(const kernel_head *h, uint32_t *space, const float *src, const kernel_columns *c, float scale);

// kernel_attend computes the results of a block whose queries are in place, dst [end-first, values], by the instructions of a kind of
// panels: PANELS_AMX or PANELS_BF16.
void kernel_attend(int kind, const kernel_head *h, uint32_t *space, float *dst, const kernel_block *b);

#endif

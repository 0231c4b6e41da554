// Attention of one head by the matrix unit: float32 queries, keys, probabilities and values are each the sum of two bf16, and a product
// is three of theirs, high·high + high·low + low·high, so that it is off by about 2⁻¹⁶ of its size.
//
// One space holds what a head needs, each in a high and a low part:
//
//	keys    [⌈keys/32⌉ panels, ⌈width/32⌉·16 units, 32 keys]
//	values  [⌈values/32⌉ panels, ⌈keys/32⌉·16 units, 32 values]    a unit is a pair of keys
//	queries and probabilities of a block of queries, as tiles; its scores, and its results
//
// A result depends on its query, on the keys that it sees, and on nothing else, bit by bit.
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
void kernel_attend_keys(const kernel_head *h, uint32_t *space, const float *src, const kernel_columns *c);
void kernel_attend_values(const kernel_head *h, uint32_t *space, const float *src, const kernel_columns *c);

// kernel_attend_queries places columns of a block's queries, times scale. c->first is 0.
void kernel_attend_queries(const kernel_head *h, uint32_t *space, const float *src, const kernel_columns *c, float scale);

// kernel_attend computes the results of a block whose queries are in place: dst [end-first, values].
void kernel_attend(const kernel_head *h, uint32_t *space, float *dst, const kernel_block *b);

#endif

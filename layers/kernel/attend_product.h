// Products of rows with columns that both lie in tiles, as attention's do, by the matrix unit and by vectors.
#ifndef CAPMOE_KERNEL_ATTEND_PRODUCT_H
#define CAPMOE_KERNEL_ATTEND_PRODUCT_H

#include "amx.h"

#define TILE_UNITS (AMX_SIDE * AMX_SIDE)

// kernel_product is two tiles of rows times two of columns, each so many tiles long; the second of a pair is that many tiles behind the first. Results are
// wanted of the first so many rows; there is room for all.
typedef struct {
	const uint32_t *rows, *columns;
	int64_t n, rows_apart, columns_apart; // tiles
	int64_t wanted;
	float *c;
	int64_t ld; // values between rows of c
	int more;   // c has sums already
} kernel_product;

void kernel_amx_product(const kernel_product *p);
void kernel_vector_product(const kernel_product *p);

#endif

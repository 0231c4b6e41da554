//go:build cgo && !noonednn

#include "attend_product.h"
#include "panels.h"

#ifdef __x86_64__
#include "vectors.h"

AMX void kernel_amx_product(const kernel_product *p) {
	int64_t ld = p->ld * (int64_t)sizeof(float);
	const uint32_t *x = p->rows, *w = p->columns;
	float *below = p->c + AMX_SIDE * p->ld;
	if (p->more) {
		_tile_loadd(0, p->c, ld);
		_tile_loadd(1, p->c + AMX_SIDE, ld);
		_tile_loadd(2, below, ld);
		_tile_loadd(3, below + AMX_SIDE, ld);
	} else {
		_tile_zero(0);
		_tile_zero(1);
		_tile_zero(2);
		_tile_zero(3);
	}
	for (int64_t i = 0; i < p->n; i++, x += TILE_UNITS, w += TILE_UNITS) {
		_tile_loadd(4, x, AMX_LINE);
		_tile_loadd(6, w, AMX_LINE);
		_tile_dpbf16ps(0, 4, 6);
		_tile_loadd(7, w + p->columns_apart * TILE_UNITS, AMX_LINE);
		_tile_dpbf16ps(1, 4, 7);
		_tile_loadd(5, x + p->rows_apart * TILE_UNITS, AMX_LINE);
		_tile_dpbf16ps(2, 5, 6);
		_tile_dpbf16ps(3, 5, 7);
	}
	_tile_stored(0, p->c, ld);
	_tile_stored(1, p->c + AMX_SIDE, ld);
	_tile_stored(2, below, ld);
	_tile_stored(3, below + AMX_SIDE, ld);
}

// Rows whose sums, of two vectors each, and the weights of a unit stay in registers.
#define ROWS 8

// some_rows computes ROWS rows, the first of which begins at x in its tile.
VECTORS_16_BF16 static void some_rows(const kernel_product *p, const uint32_t *x, float *c) {
	const uint32_t *w = p->columns;
	__m512 sum[ROWS][2];
	_Pragma("GCC unroll 8") for (int r = 0; r < ROWS; r++)
		_Pragma("GCC unroll 2") for (int half = 0; half < 2; half++)
			sum[r][half] = p->more ? _mm512_loadu_ps(c + r * p->ld + half * AMX_SIDE) : _mm512_setzero_ps();
	for (int64_t i = 0; i < p->n; i++, x += TILE_UNITS, w += TILE_UNITS)
		for (int u = 0; u < AMX_SIDE; u++) {
			__m512bh w0 = (__m512bh)_mm512_loadu_si512(w + u * AMX_SIDE);
			__m512bh w1 = (__m512bh)_mm512_loadu_si512(w + (p->columns_apart * AMX_SIDE + u) * AMX_SIDE);
			_Pragma("GCC unroll 8") for (int r = 0; r < ROWS; r++) {
				__m512bh unit = (__m512bh)_mm512_set1_epi32((int)x[r * AMX_SIDE + u]);
				sum[r][0] = _mm512_dpbf16_ps(sum[r][0], unit, w0);
				sum[r][1] = _mm512_dpbf16_ps(sum[r][1], unit, w1);
			}
		}
	_Pragma("GCC unroll 8") for (int r = 0; r < ROWS; r++)
		_Pragma("GCC unroll 2") for (int half = 0; half < 2; half++)
			_mm512_storeu_ps(c + r * p->ld + half * AMX_SIDE, sum[r][half]);
}

VECTORS_16_BF16 void kernel_vector_product(const kernel_product *p) {
	for (int64_t r = 0; r < kernel_least(p->wanted, 2 * AMX_SIDE); r += ROWS)
		some_rows(p, p->rows + (r / AMX_SIDE * p->rows_apart * AMX_SIDE + r % AMX_SIDE) * AMX_SIDE, p->c + r * p->ld);
}
#else
#include <stdlib.h>

void kernel_amx_product(const kernel_product *p) { abort(); }

void kernel_vector_product(const kernel_product *p) { abort(); }
#endif

//go:build cgo && !noonednn

#include "panels.h"
#include "amx.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

#define VECTOR_DEPTH 512
#define PLACED 512 // units of a row that are placed at a time

static size_t weights_size(const kernel_panels *p) { return (size_t)(p->panels * PANELS_WIDTH * p->units) * sizeof *p->w; }

int kernel_panels_kind(int bf16) {
#ifdef __x86_64__
	if (bf16 && kernel_amx_usable())
		return PANELS_AMX;
	if (bf16 && __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw"))
		return PANELS_BF16;
	if (!bf16 && __builtin_cpu_supports("avx512f"))
		return PANELS_F32;
#endif
	return PANELS_NONE;
}

void kernel_panels_units(const kernel_panels *p, uint32_t *dst, kernel_given row, int64_t from, int64_t depth) {
	int64_t per = p->kind == PANELS_F32 ? 1 : 2, values = kernel_least(per * depth, p->k - per * from);
	if (values <= 0)
		memset(dst, 0, (size_t)depth * sizeof *dst);
	else if (p->kind == PANELS_F32)
		memcpy(dst, (const float *)row.x + from, (size_t)depth * sizeof *dst);
	else
		kernel_bf16_rows((uint16_t *)dst, 2 * depth, kernel_given_from(row, 2 * from), 1, values);
}

void kernel_panels_new(kernel_panels *p) {
	p->units = p->kind == PANELS_F32 ? p->k : kernel_ceil_div(p->k, 2);
	p->depth = VECTOR_DEPTH;
	if (p->kind == PANELS_AMX) {
		p->units = kernel_ceil_div(p->units, AMX_SIDE) * AMX_SIDE;
		p->depth = p->units;
	}
	p->panels = kernel_ceil_div(p->n, PANELS_WIDTH);
	p->w = kernel_pages_new(weights_size(p));
}

void kernel_panels_free(kernel_panels *p) {
	kernel_pages_free(p->w, weights_size(p));
	p->w = NULL;
}

// place is where a panel has the weight of an output for a unit.
static int64_t place(const kernel_panels *p, int64_t unit, int64_t output) {
	if (p->kind != PANELS_AMX)
		return unit * PANELS_WIDTH + output;
	return (unit / AMX_SIDE * PANELS_WIDTH + output / AMX_SIDE * AMX_SIDE + unit % AMX_SIDE) * AMX_SIDE + output % AMX_SIDE;
}

// place_panel writes rows of W, at most PANELS_WIDTH, as panel j of the block from unit from on.
static void place_panel(kernel_panels *p, const float *w, int64_t rows, int64_t j, int64_t from) {
	uint32_t units[PLACED];
	int64_t depth = kernel_least(p->depth, p->units - from);
	uint32_t *panel = p->w + (from * p->panels + j * depth) * PANELS_WIDTH;
	for (int64_t at = 0; at < depth; at += PLACED) {
		int64_t some = kernel_least(PLACED, depth - at);
		for (int64_t col = 0; col < PANELS_WIDTH; col++) {
			if (col < rows)
				kernel_panels_units(p, units, (kernel_given){w + col * p->k, 0}, from + at, some);
			else
				memset(units, 0, sizeof units);
			for (int64_t l = 0; l < some; l++)
				panel[place(p, at + l, col)] = units[l];
		}
	}
}

void kernel_panels_place(kernel_panels *p, const float *w, int64_t first, int64_t rows) {
	for (int64_t from = 0; from < p->units; from += p->depth)
		for (int64_t at = 0; at < rows; at += PANELS_WIDTH)
			place_panel(p, w + at * p->k, kernel_least(PANELS_WIDTH, rows - at), (first + at) / PANELS_WIDTH, from);
}

int64_t kernel_panels_space(const kernel_panels *p, int64_t m) {
	return p->kind == PANELS_AMX ? kernel_ceil_div(m, AMX_SIDE) * AMX_SIDE * p->units : m * p->units;
}

int64_t kernel_panels_parts(const kernel_panels *p, int64_t m) {
	return p->kind == PANELS_AMX ? kernel_ceil_div(m, AMX_SIDE) : kernel_vector_parts(m);
}

static void place_rows(const kernel_panels *p, uint32_t *rows, kernel_given x, int64_t m, int64_t first, int64_t end) {
	if (p->kind == PANELS_AMX)
		kernel_amx_rows(p, rows, x, m, first, end);
	else
		kernel_vector_rows(p, rows, x, m, first, end);
}

void kernel_panels_rows(const kernel_panels *p, uint32_t *rows, const float *x, int64_t m, int64_t first, int64_t end) {
	place_rows(p, rows, (kernel_given){x, 0}, m, first, end);
}

void kernel_panels_rows_bf16(const kernel_panels *p, uint32_t *rows, const uint16_t *x, int64_t m, int64_t first, int64_t end) {
	place_rows(p, rows, (kernel_given){x, 1}, m, first, end);
}

void kernel_panels_mul(const kernel_panels *p, float *dst, const uint32_t *rows, int64_t m, int64_t first, int64_t end) {
	if (p->kind == PANELS_AMX)
		kernel_amx_mul(p, dst, rows, m, first, end);
	else
		kernel_vector_mul(p, dst, rows, m, first, end);
}

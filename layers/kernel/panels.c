//go:build cgo && !noonednn

#include "panels.h"
#include "amx.h"
#include "memory.h"
#include "tile.h"

#include <stdlib.h>
#include <string.h>

#define PLACED 512 // units of a row that are placed at a time

static size_t weights_size(const kernel_panels *p) { return (size_t)(p->panels * p->width * p->units) * sizeof *p->w; }

int kernel_panels_usable(int kind) {
#ifdef __x86_64__
	switch (kind) {
	case PANELS_AMX:
		return kernel_amx_usable();
	case PANELS_BF16:
		return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
	case PANELS_F32:
		return __builtin_cpu_supports("avx512f");
	case PANELS_AVX2_F32:
	case PANELS_AVX2_BF16:
		return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
	}
#endif
	return 0;
}

int kernel_panels_kind(int bf16) {
	static const int f32_kinds[] = {PANELS_F32, PANELS_AVX2_F32, PANELS_NONE}, bf16_kinds[] = {PANELS_AMX, PANELS_BF16, PANELS_AVX2_BF16, PANELS_NONE};
	const int *kind = bf16 ? bf16_kinds : f32_kinds;
	while (*kind && !kernel_panels_usable(*kind))
		kind++;
	return *kind;
}

void kernel_panels_units(const kernel_panels *p, uint32_t *dst, kernel_given row, int64_t from, int64_t depth) {
	int64_t per = p->bf16 ? 2 : 1, values = kernel_least(per * depth, p->k - per * from);
	if (values <= 0)
		memset(dst, 0, (size_t)depth * sizeof *dst);
	else if (p->bf16)
		kernel_bf16_rows((uint16_t *)dst, 2 * depth, kernel_given_from(row, 2 * from), 1, values);
	else
		memcpy(dst, (const float *)row.x + from, (size_t)depth * sizeof *dst);
}

void kernel_panels_new(kernel_panels *p) {
	p->bf16 = p->kind != PANELS_F32 && p->kind != PANELS_AVX2_F32;
	p->units = p->bf16 ? kernel_ceil_div(p->k, 2) : p->k;
	if (p->kind == PANELS_AMX) {
		p->units = kernel_ceil_div(p->units, 2 * AMX_SIDE) * 2 * AMX_SIDE;
		p->depth = p->units;
		p->width = PANELS_WIDTH;
	} else {
		p->depth = kernel_tiles_of(p->kind)->depth;
		p->width = 2 * kernel_tiles_of(p->kind)->lanes;
	}
	p->panels = kernel_ceil_div(p->n, p->width);
	p->w = kernel_pages_new(weights_size(p));
}

void kernel_panels_free(kernel_panels *p) {
	kernel_pages_free(p->w, weights_size(p));
	p->w = NULL;
}

// place is where the weight of an output of panel j for a unit lies, in a block of some units from one on.
static int64_t place(const kernel_panels *p, int64_t j, int64_t output, int64_t unit, int64_t from) {
	if (p->kind == PANELS_AMX)
		return kernel_amx_place(p, j, output, unit);
	return (from * p->panels + j * kernel_least(p->depth, p->units - from) + unit - from) * p->width + output;
}

// place_panel writes rows of W, at most a panel's width, as panel j of the block from unit from on.
static void place_panel(kernel_panels *p, const float *w, int64_t rows, int64_t j, int64_t from) {
	uint32_t units[PLACED];
	int64_t depth = kernel_least(p->depth, p->units - from);
	for (int64_t at = 0; at < depth; at += PLACED) {
		int64_t some = kernel_least(PLACED, depth - at);
		for (int64_t col = 0; col < p->width; col++) {
			if (col < rows)
				kernel_panels_units(p, units, (kernel_given){w + col * p->k, 0}, from + at, some);
			else
				memset(units, 0, sizeof units);
			for (int64_t l = 0; l < some; l++)
				p->w[place(p, j, col, from + at + l, from)] = units[l];
		}
	}
}

void kernel_panels_place(kernel_panels *p, const float *w, int64_t first, int64_t rows) {
	for (int64_t from = 0; from < p->units; from += p->depth)
		for (int64_t at = 0; at < rows; at += p->width)
			place_panel(p, w + at * p->k, kernel_least(p->width, rows - at), (first + at) / p->width, from);
}

int64_t kernel_panels_space(const kernel_panels *p, int64_t m) {
	return p->kind == PANELS_AMX ? kernel_ceil_div(m, AMX_SIDE) * AMX_SIDE * p->units : kernel_vector_space(p, m);
}

int64_t kernel_panels_parts(const kernel_panels *p, int64_t m) {
	return p->kind == PANELS_AMX ? kernel_ceil_div(m, AMX_SIDE) : kernel_vector_parts(m);
}

void kernel_panels_rows(const kernel_panels *p, uint32_t *rows, kernel_given x, int64_t m, int64_t first, int64_t end) {
	if (p->kind == PANELS_AMX)
		kernel_amx_rows(p, rows, x, m, first, end);
	else
		kernel_vector_rows(p, rows, x, m, first, end);
}

void kernel_panels_mul(const kernel_panels *p, float *dst, const uint32_t *rows, int64_t m, int64_t first, int64_t end) {
	if (p->kind == PANELS_AMX)
		kernel_amx_mul(p, dst, rows, m, first, end);
	else
		kernel_vector_mul(p, dst, rows, m, first, end);
}

int kernel_panels_joins(const kernel_panels *p, int64_t m) { return p->kind == PANELS_AMX && kernel_amx_joins(p, m); }

void kernel_panels_joined(const kernel_panels *p, uint32_t *dst, const uint32_t *rows, int64_t m, kernel_joining how, int64_t first, int64_t end) {
	kernel_amx_joined(p, dst, rows, m, how, first, end);
}

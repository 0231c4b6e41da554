// Products of rows with packed weights, for CPUs with AVX2 or more: of float32 values by fused sums, of bf16 values by the instruction
// VDPBF16PS, which adds a pair of products, or where there is a matrix unit by TDPBF16PS, which does so for 16 rows and 16 outputs, or where
// there is neither by fused sums of what they are in float32. Where oneDNN waits for weights, which come from memory when rows are few,
// these products have asked for them before.
//
// W lies in the order in which it is read, in units of 4 bytes, a value or a pair of inputs: blocks of depth units; in a block,
// panels of width outputs; in a panel, units; of a unit, the weights of every output. The matrix unit has its own order
// (panels_amx.c). A result is one chain of sums over its units from the first to the last, however rows are cut into tiles and outputs
// into panels.
#ifndef CAPMOE_KERNEL_PANELS_H
#define CAPMOE_KERNEL_PANELS_H

#include "bf16.h"
#include "vector.h"

#include <stdint.h>

#define PANELS_WIDTH 32 // the most

// The instructions of products, of AVX-512 where no other is named.
enum { PANELS_NONE, PANELS_F32, PANELS_BF16, PANELS_AMX, PANELS_AVX2_F32, PANELS_AVX2_BF16 };

typedef struct {
	int kind;
	int64_t n, k;
	int bf16;       // what the kind is for; what follows is found by kernel_panels_new
	int64_t units;  // of the k inputs, filled up with zero: with PANELS_AMX a multiple of 32
	int64_t width;  // outputs of a panel
	int64_t panels; // of the n outputs; the last is filled up with zero
	int64_t depth;  // units of a block; the last may have fewer; all of them with PANELS_AMX
	uint32_t *w;
} kernel_panels;

// kernel_panels_usable tells whether the CPU has the instructions; kernel_panels_kind is the best kind that it has for a type.
int kernel_panels_usable(int kind);
int kernel_panels_kind(int bf16);

// kernel_panels_new takes memory for W, p->n × p->k of p->kind. p->w is NULL if there is none.
void kernel_panels_new(kernel_panels *p);
void kernel_panels_free(kernel_panels *p);

// kernel_panels_place copies rows [first, first+rows) of W, [rows, k], rounded if the kind says so. Both are multiples of PANELS_WIDTH,
// but for the rows of the last piece.
void kernel_panels_place(kernel_panels *p, const float *w, int64_t first, int64_t rows);

// kernel_panels_space is the units that m rows take as they are read; kernel_panels_rows brings parts [first, end) of them into that order,
// rounded if the kind says so and they are not yet, of kernel_panels_parts in all.
int64_t kernel_panels_space(const kernel_panels *p, int64_t m);
int64_t kernel_panels_parts(const kernel_panels *p, int64_t m);
void kernel_panels_rows(const kernel_panels *p, uint32_t *rows, kernel_given x, int64_t m, int64_t first, int64_t end);

// kernel_panels_mul computes some panels of dst [m,n]: those that lie in places [first, end).
void kernel_panels_mul(const kernel_panels *p, float *dst, const uint32_t *rows, int64_t m, int64_t first, int64_t end);

// kernel_joining is how gates and ups are joined: bias [n] is added to them before, or NULL.
typedef struct {
	const float *bias;
	kernel_gate gate;
} kernel_joining;

// kernel_panels_joins tells whether the products of m rows with a matrix of gates and ups, [2F, k], can be joined while they are made.
// kernel_panels_joined does so for columns [first, end) of F, in panels: dst is rows of F values as kernel_panels_rows brings them into order
// for a matrix of the same kind.
int kernel_panels_joins(const kernel_panels *p, int64_t m);
void kernel_panels_joined(const kernel_panels *p, uint32_t *dst, const uint32_t *rows, int64_t m, kernel_joining how, int64_t first, int64_t end);

// kernel_panels_units writes depth units of a row of k values from unit from on.
void kernel_panels_units(const kernel_panels *p, uint32_t *dst, kernel_given row, int64_t from, int64_t depth);

// What the above do for the kinds of vectors, and for the matrix unit.
int64_t kernel_vector_space(const kernel_panels *p, int64_t m);
int64_t kernel_vector_parts(int64_t m);
void kernel_vector_rows(const kernel_panels *p, uint32_t *rows, kernel_given x, int64_t m, int64_t first, int64_t end);
void kernel_vector_mul(const kernel_panels *p, float *dst, const uint32_t *rows, int64_t m, int64_t first, int64_t end);
int64_t kernel_amx_place(const kernel_panels *p, int64_t j, int64_t output, int64_t unit);
void kernel_amx_rows(const kernel_panels *p, uint32_t *rows, kernel_given x, int64_t m, int64_t first, int64_t end);
void kernel_amx_mul(const kernel_panels *p, float *dst, const uint32_t *rows, int64_t m, int64_t first, int64_t end);
int kernel_amx_joins(const kernel_panels *p, int64_t m);
void kernel_amx_joined(const kernel_panels *p, uint32_t *dst, const uint32_t *rows, int64_t m, kernel_joining how, int64_t first, int64_t end);

static inline int64_t kernel_least(int64_t a, int64_t b) { return a < b ? a : b; }

static inline int64_t kernel_ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Something of m parts is cut into pieces of nearly equal size, at most most of them each: piece i starts at kernel_cut(m, most, i).
static inline int64_t kernel_cut(int64_t m, int64_t most, int64_t i) { return m * i / kernel_ceil_div(m, most); }

#endif

// The operations of vector.go, bit by bit those of vector_portable.go: compiled without fusing products with sums.
#ifndef CAPMOE_KERNEL_VECTOR_H
#define CAPMOE_KERNEL_VECTOR_H

#include "bf16.h"

#include <stdint.h>

typedef struct {
	float limit, alpha;
} kernel_gate;

typedef struct {
	int64_t rows, width;
	float eps;
} kernel_norm_sizes;

// kernel_rows is n rows of width values, stride apart.
typedef struct {
	int64_t n, width, stride;
} kernel_rows;

// kernel_heads is n heads, shared neighbours of which have the same rows, and how many values are between what they have of each: queries or results,
// scores or weights, and rows.
typedef struct {
	int64_t n, shared, width, weights, rows;
} kernel_heads;

// kernel_apart is rows that lie anywhere.
typedef struct {
	const float *row[8];
} kernel_apart;

// kernel_rows_lanes is the most lanes of vectors that the CPU has for the next two: 16, or 8, which any can be told to use.
int kernel_rows_lanes(void);
void kernel_dots(float *dst, const float *q, float scale, kernel_given x, kernel_rows rows, kernel_heads heads, int lanes);
void kernel_weigh(float *dst, const float *weights, kernel_given x, kernel_rows rows, kernel_heads heads, int lanes);
// kernel_dots_16 and kernel_weigh_16 are those of one head with 16 lanes.
void kernel_dots_16(float *dst, const float *q, float scale, kernel_given x, kernel_rows rows);
void kernel_weigh_16(float *dst, const float *weights, kernel_given x, kernel_rows rows);
void kernel_weigh_apart(float *dst, const float *weights, kernel_apart rows, int64_t n, int64_t width);
void kernel_softmax(float *x, int64_t rows, int64_t width, float more);
void kernel_gate_values(float *dst, const float *gate, const float *up, int64_t n, kernel_gate how);
void kernel_gate_rows(float *dst, const float *gate_up, int64_t rows, int64_t inner, kernel_gate gate);
void kernel_rotate(float *heads, int64_t n, const float *cos, const float *sin, int64_t half);
void kernel_norm(float *dst, const float *x, const float *w, kernel_norm_sizes sizes);

#endif

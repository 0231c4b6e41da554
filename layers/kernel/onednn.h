// The C side of onednn.go: every function is one coarse call. Matrices are row-major. Any thread may call; the calls that take one
// kernel_weights come one at a time.
#ifndef CAPMOE_KERNEL_ONEDNN_H
#define CAPMOE_KERNEL_ONEDNN_H

#include "bf16.h"

#include <stdint.h>

// Rows that one primitive computes at most. Every row count up to it has a primitive of its own, made when first needed, so no
// row is ever padded. More rows go in pieces of nearly equal size.
#define KERNEL_MAX_ROWS 128

// step is NULL where all went well; else it names the call that failed, and status is what oneDNN said.
typedef struct {
	const char *step;
	int status;
} kernel_error;

typedef struct kernel_engine kernel_engine;   // the CPU, and the size of the team
typedef struct kernel_shape kernel_shape;     // n×k: the layout of its weights, and its primitives
typedef struct kernel_weights kernel_weights; // one W in the layout of its shape

typedef struct {
	int64_t n, k;
	int bf16; // of W, and of the rows of x as they are multiplied
} kernel_sides;

kernel_error kernel_engine_new(kernel_engine **out, int threads);

// kernel_shape_new chooses the layout. *out is NULL, without an error, where oneDNN has no brgemm kernel for the shape on this
// machine; impl receives the name of what it has instead, or of its brgemm.
kernel_error kernel_shape_new(kernel_shape **out, char impl[64], kernel_engine *engine, kernel_sides sides);

// kernel_weights_new copies w, n×k, rounded to bf16 if the shape says so.
kernel_error kernel_weights_new(kernel_weights **out, kernel_shape *shape, const float *w);
void kernel_weights_free(kernel_weights *weights);

// kernel_mul computes dst [m,n] = x [m,k] · Wᵀ; x is rounded to bf16 first if W is and x is not.
kernel_error kernel_mul(kernel_weights *weights, float *dst, kernel_given x, int64_t m);

#endif

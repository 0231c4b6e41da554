// Products of rows with packed weights, for CPUs with AVX-512: of float32 values by fused sums, of bf16 values by the instruction VDPBF16PS,
// which adds a pair of products. Where oneDNN waits for weights, which come from memory when rows are few, these products have asked
// for them a panel ahead.
//
// W lies in the order in which it is read, in units of 4 bytes, a value or a pair of inputs: blocks of PANELS_DEPTH units; in a block,
// panels of PANELS_WIDTH outputs; in a panel, units; of a unit, the weights of every output. A result is one chain of sums over its units
// from the first to the last, however rows are cut into tiles and outputs into panels.
#ifndef CAPMOE_KERNEL_PANELS_H
#define CAPMOE_KERNEL_PANELS_H

#include <stdint.h>

#define PANELS_WIDTH 32
#define PANELS_DEPTH 512

typedef struct {
	int bf16;
	int64_t n, k;
	int64_t units;  // of the k inputs; half of the last pair may be zero
	int64_t panels; // of the n outputs; the last is filled up with zero
	uint32_t *w;
} kernel_panels;

// kernel_panels_usable tells whether the CPU has the instructions for a type.
int kernel_panels_usable(int bf16);

// kernel_panels_new copies w, p->n × p->k, rounded if p->bf16. p->w is NULL if there is no memory.
void kernel_panels_new(kernel_panels *p, const float *w);
void kernel_panels_free(kernel_panels *p);

// kernel_panels_rows brings m rows of x, rounded if p->bf16, into the order in which they are read, in m·p->units units.
void kernel_panels_rows(const kernel_panels *p, uint32_t *rows, const float *x, int64_t m);

// kernel_panels_mul computes panels [first, end) of dst [m,n].
void kernel_panels_mul(const kernel_panels *p, float *dst, const uint32_t *rows, int64_t m, int64_t first, int64_t end);

#endif

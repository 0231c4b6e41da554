// Products of bf16 rows with bf16 weights by the instruction VDPBF16PS, for CPUs that have it and no matrix unit. Where oneDNN waits for
// weights, which come from memory when rows are few, these products have asked for them a panel ahead.
//
// W lies in the order in which it is read: blocks of PANELS_DEPTH inputs; in a block, panels of PANELS_WIDTH outputs; in a panel, pairs of
// inputs; of a pair, both weights of every output. A result is one chain of sums over its pairs from the first to the last, however rows
// are cut into tiles and outputs into panels.
#ifndef CAPMOE_KERNEL_PANELS_H
#define CAPMOE_KERNEL_PANELS_H

#include <stdint.h>

#define PANELS_WIDTH 32
#define PANELS_DEPTH 1024

typedef struct {
	int64_t n, k, pairs; // k inputs in pairs, the last filled up with zero
	int64_t panels;      // the last filled up with zero
	uint16_t *w;
} kernel_panels;

// kernel_panels_usable tells whether the CPU has the instruction.
int kernel_panels_usable(void);

// kernel_panels_new copies w, n×k. p->w is NULL if there is no memory.
void kernel_panels_new(kernel_panels *p, const float *w, int64_t n, int64_t k);
void kernel_panels_free(kernel_panels *p);

// kernel_panels_rows_size is the bytes that m rows take, rounded and in the order in which they are read.
int64_t kernel_panels_rows_size(const kernel_panels *p, int64_t m);
void kernel_panels_rows(const kernel_panels *p, uint32_t *rows, const float *x, int64_t m);

// kernel_panels_mul computes panels [first, end) of dst [m,n].
void kernel_panels_mul(const kernel_panels *p, float *dst, const uint32_t *rows, int64_t m, int64_t first, int64_t end);

#endif

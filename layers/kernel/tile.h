// The product of a tile of rows with a panel of outputs, two vectors wide: its sums, two vectors a row, stay in registers.
#ifndef CAPMOE_KERNEL_TILE_H
#define CAPMOE_KERNEL_TILE_H

#include <stdint.h>

#define TILE_LINES 8

typedef struct {
	const float *rows;  // [units, m]; [units, parts, m] of a kind with parts
	const float *panel; // [units, 2·lanes]
	const char *ahead;  // weights to ask for: some lines,
	int64_t apart;      // so many bytes apart,
	int64_t next;       // and as many so many bytes further on
	int64_t pause;      // so many units later
	int64_t units;
	float *dst;
	int64_t ld, cols;
	int more; // sums go on from dst
} kernel_tile;

// kernel_tiles is what tiles of a kind are like.
typedef struct {
	int64_t lanes; // of a vector
	int64_t rows;  // of a tile, at most
	int64_t depth; // units of a panel that stays in cache
	int64_t parts; // values of float32 that a unit of rows takes
	int apart;     // weights are asked for in streams side by side
	int64_t few;   // rows, at most, that do not ask for weights far ahead
	void (*multiply)(const kernel_tile *t, int64_t m);
} kernel_tiles;

// kernel_tiles_of is those of a kind of vectors in panels.h.
const kernel_tiles *kernel_tiles_of(int kind);

#endif

//go:build cgo && !noonednn

#include "onednn_shape.h"

#include <stdlib.h>

#define ALIGNMENT 64

kernel_space *kernel_space_take(kernel_engine *engine, size_t size) {
	pthread_mutex_lock(&engine->lending);
	kernel_space *space = engine->idle;
	if (space)
		engine->idle = space->next;
	pthread_mutex_unlock(&engine->lending);
	if (!space && !(space = calloc(1, sizeof *space)))
		return NULL;
	if (space->size >= size)
		return space;
	free(space->bytes);
	space->size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (!(space->bytes = aligned_alloc(ALIGNMENT, space->size))) {
		free(space);
		return NULL;
	}
	return space;
}

void kernel_space_give(kernel_engine *engine, kernel_space *space) {
	if (!space)
		return;
	pthread_mutex_lock(&engine->lending);
	space->next = engine->idle;
	engine->idle = space;
	pthread_mutex_unlock(&engine->lending);
}

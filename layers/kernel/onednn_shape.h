// What the C files of oneDNN share.
#ifndef CAPMOE_KERNEL_ONEDNN_SHAPE_H
#define CAPMOE_KERNEL_ONEDNN_SHAPE_H

#include "onednn.h"

#include <dnnl.h>
#include <pthread.h>
#include <stddef.h>

#if DNNL_VERSION_MAJOR != 2
#error "capmoe needs the headers of oneDNN 2 (libdnnl-dev of Debian 12), or -tags noonednn"
#endif

// kernel_space is memory that one product works in.
typedef struct kernel_space {
	struct kernel_space *next;
	char *bytes;
	size_t size;
} kernel_space;

struct kernel_engine {
	dnnl_engine_t engine;
	int threads;
	pthread_mutex_t lending;
	kernel_space *idle; // as many as products have run at the same time
};

struct kernel_shape {
	kernel_engine *engine;
	dnnl_primitive_attr_t attr;
	dnnl_data_type_t type;
	int64_t n, k;   // k is even for bf16, which oneDNN takes in pairs
	int64_t x_cols; // k of the matrix; a column beyond it is zero
	dnnl_memory_desc_t weights;
	pthread_mutex_t making;
	dnnl_primitive_t by_rows[KERNEL_MAX_ROWS + 1];
};

struct kernel_weights {
	kernel_shape *shape;
	dnnl_stream_t stream;
	dnnl_memory_t memory;
	void *bytes;
	size_t size;
};

#define TRY(call, name)                                   \
	do {                                                  \
		dnnl_status_t status_ = (call);                   \
		if (status_ != dnnl_success) {                    \
			err = (kernel_error){name, (int)status_};     \
			goto done;                                    \
		}                                                 \
	} while (0)

void kernel_use_team(int threads);

// kernel_primitive_for returns the product of so many rows, made at most once.
dnnl_status_t kernel_primitive_for(dnnl_primitive_t *out, kernel_shape *shape, int64_t rows);

// kernel_space_take lends memory of at least size bytes, NULL if there is none. It goes back with kernel_space_give.
kernel_space *kernel_space_take(kernel_engine *engine, size_t size);
void kernel_space_give(kernel_engine *engine, kernel_space *space);

#endif

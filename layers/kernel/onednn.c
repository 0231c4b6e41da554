//go:build cgo && !noonednn

#include "onednn.h"

#include <dnnl.h>
#include <omp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if DNNL_VERSION_MAJOR != 2
#error "capmoe needs the headers of oneDNN 2 (libdnnl-dev of Debian 12), or -tags noonednn"
#endif

// The layout is the one that oneDNN likes for this many rows.
#define TYPICAL_ROWS 64

struct kernel_engine {
	dnnl_engine_t engine;
	int threads;
};

struct kernel_shape {
	kernel_engine *engine;
	dnnl_primitive_attr_t attr;
	int64_t n, k;
	dnnl_memory_desc_t weights;
	pthread_mutex_t making;
	dnnl_primitive_t by_rows[KERNEL_MAX_ROWS + 1];
};

struct kernel_weights {
	kernel_shape *shape;
	dnnl_stream_t stream;
	dnnl_memory_t memory;
};

#define TRY(call, name)                                   \
	do {                                                  \
		dnnl_status_t status_ = (call);                   \
		if (status_ != dnnl_success) {                    \
			err = (kernel_error){name, (int)status_};     \
			goto done;                                    \
		}                                                 \
	} while (0)

// The size of an OpenMP team is a setting of the calling thread, and Go's callers change threads.
static void use_team(int threads) {
	if (omp_get_max_threads() != threads)
		omp_set_num_threads(threads);
}

kernel_error kernel_engine_new(kernel_engine **out, int threads) {
	kernel_error err = {0};
	kernel_engine *e = calloc(1, sizeof *e);
	TRY(e ? dnnl_success : dnnl_out_of_memory, "memory for the engine");
	e->threads = threads;
	TRY(dnnl_engine_create(&e->engine, dnnl_cpu, 0), "create engine");
done:
	if (err.step) {
		free(e);
		e = NULL;
	}
	*out = e;
	return err;
}

// describe makes the description of a product of the given rows; a weights layout of format_tag::any lets oneDNN choose.
static dnnl_status_t describe(dnnl_primitive_desc_t *out, const kernel_shape *s, int64_t rows) {
	dnnl_dims_t x_dims = {rows, s->k}, dst_dims = {rows, s->n};
	dnnl_memory_desc_t x, dst;
	dnnl_matmul_desc_t product;
	dnnl_status_t status;
	if ((status = dnnl_memory_desc_init_by_tag(&x, 2, x_dims, dnnl_f32, dnnl_ab)) != dnnl_success ||
		(status = dnnl_memory_desc_init_by_tag(&dst, 2, dst_dims, dnnl_f32, dnnl_ab)) != dnnl_success ||
		(status = dnnl_matmul_desc_init(&product, &x, &s->weights, NULL, &dst)) != dnnl_success)
		return status;
	return dnnl_primitive_desc_create(out, &product, s->attr, s->engine->engine, NULL);
}

static dnnl_status_t name_of(char name[64], const_dnnl_primitive_desc_t desc) {
	const char *full = "";
	dnnl_status_t status = dnnl_primitive_desc_query(desc, dnnl_query_impl_info_str, 0, &full);
	snprintf(name, 64, "%s", full);
	return status;
}

static int is_brgemm(const char *name) {
	return strncmp(name, "brg", 3) == 0;
}

static void shape_free(kernel_shape *s) {
	if (!s)
		return;
	dnnl_primitive_attr_destroy(s->attr);
	pthread_mutex_destroy(&s->making);
	free(s);
}

// choose_layout fixes s->weights for all row counts, and *name tells the kernel. brgemm adds the k terms of each result in one
// order, whatever the row count, the row's place and the team; oneDNN's other kernels do not. So it must serve every row count.
static kernel_error choose_layout(kernel_shape *s, char name[64]) {
	kernel_error err = {0};
	dnnl_primitive_desc_t desc = NULL;
	dnnl_dims_t dims = {s->k, s->n};
	TRY(dnnl_memory_desc_init_by_tag(&s->weights, 2, dims, dnnl_f32, dnnl_format_tag_any), "describe weights");
	TRY(describe(&desc, s, TYPICAL_ROWS), "choose a layout");
	TRY(name_of(name, desc), "ask for the kernel's name");
	s->weights = *dnnl_primitive_desc_query_md(desc, dnnl_query_weights_md, 0);
	for (int64_t rows = 1; rows <= KERNEL_MAX_ROWS && is_brgemm(name); rows++) {
		dnnl_primitive_desc_destroy(desc);
		desc = NULL;
		TRY(describe(&desc, s, rows), "describe a product");
		TRY(name_of(name, desc), "ask for the kernel's name");
	}
done:
	dnnl_primitive_desc_destroy(desc);
	return err;
}

kernel_error kernel_shape_new(kernel_shape **out, char impl[64], kernel_engine *engine, int64_t n, int64_t k) {
	kernel_error err = {0};
	*out = NULL;
	use_team(engine->threads);
	kernel_shape *s = calloc(1, sizeof *s);
	TRY(s ? dnnl_success : dnnl_out_of_memory, "memory for a shape");
	s->engine = engine;
	s->n = n;
	s->k = k;
	pthread_mutex_init(&s->making, NULL);
	TRY(dnnl_primitive_attr_create(&s->attr), "create attributes");
	// oneDNN's own scratchpad belongs to the thread that made the primitive.
	TRY(dnnl_primitive_attr_set_scratchpad_mode(s->attr, dnnl_scratchpad_mode_user), "set the scratchpad mode");
	err = choose_layout(s, impl);
done:
	if (err.step || !is_brgemm(impl))
		shape_free(s);
	else
		*out = s;
	return err;
}

// primitive_for returns the primitive for a row count, made at most once.
static dnnl_status_t primitive_for(dnnl_primitive_t *out, kernel_shape *s, int64_t rows) {
	dnnl_status_t status = dnnl_success;
	*out = __atomic_load_n(&s->by_rows[rows], __ATOMIC_ACQUIRE);
	if (*out)
		return status;
	pthread_mutex_lock(&s->making);
	if (!(*out = s->by_rows[rows])) {
		dnnl_primitive_desc_t desc = NULL;
		if ((status = describe(&desc, s, rows)) == dnnl_success)
			status = dnnl_primitive_create(out, desc);
		dnnl_primitive_desc_destroy(desc);
		if (status == dnnl_success)
			__atomic_store_n(&s->by_rows[rows], *out, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&s->making);
	return status;
}

kernel_error kernel_weights_new(kernel_weights **out, kernel_shape *shape, const float *w) {
	kernel_error err = {0};
	dnnl_engine_t engine = shape->engine->engine;
	dnnl_dims_t dims = {shape->k, shape->n}, transposed = {1, shape->k};
	dnnl_memory_desc_t plain;
	dnnl_memory_t from = NULL;
	dnnl_primitive_desc_t desc = NULL;
	dnnl_primitive_t reorder = NULL;
	use_team(shape->engine->threads);
	kernel_weights *packed = calloc(1, sizeof *packed);
	TRY(packed ? dnnl_success : dnnl_out_of_memory, "memory for a matrix");
	packed->shape = shape;
	TRY(dnnl_stream_create(&packed->stream, engine, dnnl_stream_default_flags), "create stream");
	TRY(dnnl_memory_create(&packed->memory, &shape->weights, engine, DNNL_MEMORY_ALLOCATE), "memory for weights");
	TRY(dnnl_memory_desc_init_by_strides(&plain, 2, dims, dnnl_f32, transposed), "describe plain weights");
	TRY(dnnl_memory_create(&from, &plain, engine, (void *)w), "wrap plain weights");
	TRY(dnnl_reorder_primitive_desc_create(&desc, &plain, engine, &shape->weights, engine, NULL), "describe the packing");
	TRY(dnnl_primitive_create(&reorder, desc), "create the packing");
	dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, packed->memory}};
	TRY(dnnl_primitive_execute(reorder, packed->stream, 2, args), "pack");
	TRY(dnnl_stream_wait(packed->stream), "wait for the packing");
done:
	dnnl_primitive_destroy(reorder);
	dnnl_primitive_desc_destroy(desc);
	dnnl_memory_destroy(from);
	if (err.step) {
		kernel_weights_free(packed);
		packed = NULL;
	}
	*out = packed;
	return err;
}

void kernel_weights_free(kernel_weights *weights) {
	if (!weights)
		return;
	dnnl_memory_destroy(weights->memory);
	dnnl_stream_destroy(weights->stream);
	free(weights);
}

// mul_piece computes at most KERNEL_MAX_ROWS rows.
static kernel_error mul_piece(kernel_weights *w, float *dst, const float *x, int64_t rows) {
	kernel_error err = {0};
	dnnl_engine_t engine = w->shape->engine->engine;
	dnnl_memory_t from = NULL, to = NULL, scratch = NULL;
	dnnl_primitive_t product;
	const_dnnl_primitive_desc_t desc;
	TRY(primitive_for(&product, w->shape, rows), "create a product");
	TRY(dnnl_primitive_get_primitive_desc(product, &desc), "describe a product");
	const dnnl_memory_desc_t *src_md = dnnl_primitive_desc_query_md(desc, dnnl_query_src_md, 0);
	const dnnl_memory_desc_t *dst_md = dnnl_primitive_desc_query_md(desc, dnnl_query_dst_md, 0);
	const dnnl_memory_desc_t *scratch_md = dnnl_primitive_desc_query_md(desc, dnnl_query_scratchpad_md, 0);
	TRY(dnnl_memory_create(&from, src_md, engine, (void *)x), "wrap x");
	TRY(dnnl_memory_create(&to, dst_md, engine, dst), "wrap dst");
	TRY(dnnl_memory_create(&scratch, scratch_md, engine, DNNL_MEMORY_ALLOCATE), "memory for scratch");
	dnnl_exec_arg_t args[] = {
		{DNNL_ARG_SRC, from}, {DNNL_ARG_WEIGHTS, w->memory}, {DNNL_ARG_DST, to}, {DNNL_ARG_SCRATCHPAD, scratch}};
	TRY(dnnl_primitive_execute(product, w->stream, 4, args), "multiply");
	TRY(dnnl_stream_wait(w->stream), "wait for a product");
done:
	dnnl_memory_destroy(scratch);
	dnnl_memory_destroy(to);
	dnnl_memory_destroy(from);
	return err;
}

kernel_error kernel_mul(kernel_weights *weights, float *dst, const float *x, int64_t m) {
	kernel_error err = {0};
	int64_t n = weights->shape->n, k = weights->shape->k;
	int64_t pieces = (m + KERNEL_MAX_ROWS - 1) / KERNEL_MAX_ROWS;
	use_team(weights->shape->engine->threads);
	for (int64_t p = 0, i = 0; p < pieces && !err.step; p++) {
		int64_t end = m * (p + 1) / pieces;
		err = mul_piece(weights, dst + i * n, x + i * k, end - i);
		i = end;
	}
	return err;
}

kernel_error kernel_gemm(kernel_gemm_sizes s, float *c, const float *a, const float *b) {
	kernel_error err = {0};
	use_team(1); // dnnl_sgemm splits K among threads, and its bits with it
	TRY(dnnl_sgemm('N', s.trans_b ? 'T' : 'N', s.m, s.n, s.k, s.alpha, a, s.lda, b, s.ldb, s.accumulate ? 1 : 0, c, s.ldc),
		"gemm");
done:
	return err;
}

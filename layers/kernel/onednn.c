//go:build cgo && !noonednn

#include "onednn_shape.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The layout is the one that oneDNN likes for this many rows.
#define TYPICAL_ROWS 64

// The size of an OpenMP team is a setting of the calling thread, and Go's callers change threads.
void kernel_use_team(int threads) {
	if (omp_get_max_threads() != threads)
		omp_set_num_threads(threads);
}

kernel_error kernel_engine_new(kernel_engine **out, int threads) {
	kernel_error err = {0};
	kernel_engine *e = calloc(1, sizeof *e);
	TRY(e ? dnnl_success : dnnl_out_of_memory, "memory for the engine");
	e->threads = threads;
	pthread_mutex_init(&e->lending, NULL);
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
	if ((status = dnnl_memory_desc_init_by_tag(&x, 2, x_dims, s->type, dnnl_ab)) != dnnl_success ||
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

// The brgemm for matrix units gives a row other bits in another batch.
static int is_brgemm(const char *name) {
	return strncmp(name, "brg", 3) == 0 && !strstr(name, "amx");
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
	TRY(dnnl_memory_desc_init_by_tag(&s->weights, 2, dims, s->type, dnnl_format_tag_any), "describe weights");
	dnnl_status_t status = describe(&desc, s, TYPICAL_ROWS);
	if (status == dnnl_unimplemented) {
		snprintf(name, 64, "has no such product");
		return err;
	}
	TRY(status, "choose a layout");
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

kernel_error kernel_shape_new(kernel_shape **out, char impl[64], kernel_engine *engine, kernel_sides sides) {
	kernel_error err = {0};
	*out = NULL;
	kernel_use_team(engine->threads);
	kernel_shape *s = calloc(1, sizeof *s);
	TRY(s ? dnnl_success : dnnl_out_of_memory, "memory for a shape");
	s->engine = engine;
	s->n = sides.n;
	s->x_cols = sides.k;
	s->k = sides.bf16 ? (sides.k + 1) / 2 * 2 : sides.k;
	s->type = sides.bf16 ? dnnl_bf16 : dnnl_f32;
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

dnnl_status_t kernel_primitive_for(dnnl_primitive_t *out, kernel_shape *s, int64_t rows) {
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

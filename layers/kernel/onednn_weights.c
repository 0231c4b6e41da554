//go:build cgo && !noonednn

#include "bf16.h"
#include "memory.h"
#include "onednn_shape.h"

#include <stdlib.h>

// plain gives w as oneDNN's packing reads it: as it is, or rounded into *rounded.
static const void *plain(uint16_t **rounded, const kernel_shape *shape, const float *w) {
	if (shape->type == dnnl_f32)
		return w;
	*rounded = malloc((size_t)(shape->n * shape->k) * sizeof **rounded);
	if (*rounded)
		kernel_bf16_rows(*rounded, shape->k, (kernel_given){w, 0}, shape->n, shape->x_cols);
	return *rounded;
}

kernel_error kernel_weights_new(kernel_weights **out, kernel_shape *shape, const float *w) {
	kernel_error err = {0};
	dnnl_engine_t engine = shape->engine->engine;
	dnnl_dims_t dims = {shape->k, shape->n}, transposed = {1, shape->k};
	dnnl_memory_desc_t plain_md;
	dnnl_memory_t from = NULL;
	dnnl_primitive_desc_t desc = NULL;
	dnnl_primitive_t reorder = NULL;
	uint16_t *rounded = NULL;
	kernel_use_team(shape->engine->threads);
	kernel_weights *packed = calloc(1, sizeof *packed);
	TRY(packed ? dnnl_success : dnnl_out_of_memory, "memory for a matrix");
	packed->shape = shape;
	packed->size = dnnl_memory_desc_get_size(&shape->weights);
	packed->bytes = kernel_pages_new(packed->size);
	const void *stored = plain(&rounded, shape, w);
	TRY(packed->bytes && stored ? dnnl_success : dnnl_out_of_memory, "memory for weights");
	TRY(dnnl_stream_create(&packed->stream, engine, dnnl_stream_default_flags), "create stream");
	TRY(dnnl_memory_create(&packed->memory, &shape->weights, engine, packed->bytes), "wrap weights");
	TRY(dnnl_memory_desc_init_by_strides(&plain_md, 2, dims, shape->type, transposed), "describe plain weights");
	TRY(dnnl_memory_create(&from, &plain_md, engine, (void *)stored), "wrap plain weights");
	TRY(dnnl_reorder_primitive_desc_create(&desc, &plain_md, engine, &shape->weights, engine, NULL), "describe the packing");
	TRY(dnnl_primitive_create(&reorder, desc), "create the packing");
	dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, packed->memory}};
	TRY(dnnl_primitive_execute(reorder, packed->stream, 2, args), "pack");
	TRY(dnnl_stream_wait(packed->stream), "wait for the packing");
done:
	dnnl_primitive_destroy(reorder);
	dnnl_primitive_desc_destroy(desc);
	dnnl_memory_destroy(from);
	free(rounded);
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
	kernel_pages_free(weights->bytes, weights->size);
	free(weights);
}

// mul_piece computes at most KERNEL_MAX_ROWS rows.
static kernel_error mul_piece(kernel_weights *w, float *dst, kernel_given x, int64_t rows) {
	kernel_error err = {0};
	kernel_shape *shape = w->shape;
	dnnl_engine_t engine = shape->engine->engine;
	dnnl_memory_t from = NULL, to = NULL, scratch = NULL;
	kernel_space *space = NULL;
	dnnl_primitive_t product;
	const_dnnl_primitive_desc_t desc;
	TRY(kernel_primitive_for(&product, shape, rows), "create a product");
	TRY(dnnl_primitive_get_primitive_desc(product, &desc), "describe a product");
	const dnnl_memory_desc_t *src_md = dnnl_primitive_desc_query_md(desc, dnnl_query_src_md, 0);
	const dnnl_memory_desc_t *dst_md = dnnl_primitive_desc_query_md(desc, dnnl_query_dst_md, 0);
	const dnnl_memory_desc_t *scratch_md = dnnl_primitive_desc_query_md(desc, dnnl_query_scratchpad_md, 0);
	size_t rounded = shape->type == dnnl_bf16 ? ((size_t)(rows * shape->k) * sizeof(uint16_t) + 127) / 128 * 128 : 0;
	space = kernel_space_take(shape->engine, rounded + dnnl_memory_desc_get_size(scratch_md) + 1);
	TRY(space ? dnnl_success : dnnl_out_of_memory, "memory for scratch");
	if (rounded)
		kernel_bf16_rows((uint16_t *)space->bytes, shape->k, x, rows, shape->x_cols);
	TRY(dnnl_memory_create(&from, src_md, engine, rounded ? space->bytes : (void *)x.x), "wrap x");
	TRY(dnnl_memory_create(&to, dst_md, engine, dst), "wrap dst");
	TRY(dnnl_memory_create(&scratch, scratch_md, engine, space->bytes + rounded), "wrap scratch");
	dnnl_exec_arg_t args[] = {
		{DNNL_ARG_SRC, from}, {DNNL_ARG_WEIGHTS, w->memory}, {DNNL_ARG_DST, to}, {DNNL_ARG_SCRATCHPAD, scratch}};
	TRY(dnnl_primitive_execute(product, w->stream, 4, args), "multiply");
	TRY(dnnl_stream_wait(w->stream), "wait for a product");
done:
	dnnl_memory_destroy(scratch);
	dnnl_memory_destroy(to);
	dnnl_memory_destroy(from);
	kernel_space_give(shape->engine, space);
	return err;
}

kernel_error kernel_mul(kernel_weights *weights, float *dst, kernel_given x, int64_t m) {
	kernel_error err = {0};
	int64_t n = weights->shape->n, k = weights->shape->x_cols;
	int64_t pieces = (m + KERNEL_MAX_ROWS - 1) / KERNEL_MAX_ROWS;
	kernel_use_team(weights->shape->engine->threads);
	for (int64_t p = 0, i = 0; p < pieces && !err.step; p++) {
		int64_t end = m * (p + 1) / pieces;
		err = mul_piece(weights, dst + i * n, kernel_given_from(x, i * k), end - i);
		i = end;
	}
	return err;
}

//go:build cgo && !nompi

// Reductions of short vectors through slots: every rank puts its vector before every other, and
// combines all of them, in rank order.

#include "mpi_comm.h"

#include <string.h>

#define COMBINE(type)                                                                                 \
	static void combine_##type(type *dst, const type *src, intptr_t n, int op)                    \
	{                                                                                             \
		for (intptr_t i = 0; i < n; i++)                                                      \
			dst[i] = op == SUM ? dst[i] + src[i]                                          \
				 : (op == MIN) == (src[i] < dst[i]) ? src[i] : dst[i];                \
	}

enum { SUM, MIN, MAX }; // as in Go

COMBINE(int32_t)
COMBINE(int64_t)
COMBINE(uint32_t)
COMBINE(uint64_t)
COMBINE(float)
COMBINE(double)

static void combine(char *dst, const char *src, intptr_t n, int type, int op)
{
	switch (type) {
	case 0: combine_int32_t((int32_t *)dst, (const int32_t *)src, n, op); break;
	case 1: combine_int64_t((int64_t *)dst, (const int64_t *)src, n, op); break;
	case 2: combine_uint32_t((uint32_t *)dst, (const uint32_t *)src, n, op); break;
	case 3: combine_uint64_t((uint64_t *)dst, (const uint64_t *)src, n, op); break;
	case 4: combine_float((float *)dst, (const float *)src, n, op); break;
	default: combine_double((double *)dst, (const double *)src, n, op);
	}
}

int coll_reduce_in_slots(coll_group *g, char *buf, intptr_t count, int type, int op)
{
	const int sizes[] = {4, 8, 4, 8, 4, 8};
	intptr_t bytes = count * sizes[type];
	_Alignas(8) char result[COLL_SLOT];
	int fault = COLL_DONE;
	coll_begin_in_slots(g);
	for (int i = 1; i < g->size; i++) {
		int rc = coll_put(g, (g->rank + i) % g->size, buf, bytes);
		if (rc != COLL_DONE)
			return rc;
	}
	for (int rank = 0; rank < g->size; rank++) {
		const char *body = buf;
		int rc = rank == g->rank ? COLL_DONE : coll_look(g, rank, bytes, &body);
		if (rc == COLL_SIZE)
			fault = rc;
		else if (rc != COLL_DONE)
			return rc;
		else if (rank == 0)
			memcpy(result, body, bytes);
		else
			combine(result, body, count, type, op);
	}
	if (fault == COLL_DONE)
		memcpy(buf, result, bytes);
	coll_through(g);
	coll_end(g);
	return fault;
}

//go:build cgo && !nompi

// Windows: memory of MPI_Win_allocate_shared, and a counter a rank that says how often it
// has arrived. The counters have a window of their own, which does not grow.

#include "mpi_comm.h"

#include <stdlib.h>
#include <sys/statvfs.h>

enum { LINE = 64, PAGE = 4096 }; // bytes

// Whether the node has so many bytes to share. MPI itself finds out on one rank only, and
// leaves the others waiting for it.
static int memory_for(intptr_t bytes)
{
	struct statvfs s;
	return statvfs("/dev/shm", &s) != 0 || bytes / (intptr_t)s.f_frsize < (intptr_t)s.f_bavail;
}

static int release(MPI_Win *win)
{
	if (*win == MPI_WIN_NULL)
		return MPI_SUCCESS;
	MPI_Win_unlock_all(*win);
	return MPI_Win_free(win);
}

// Gives every rank so many bytes, and finds where those of the others are. Pages lie at other addresses in
// every process, lines at the same places of a page.
static int allocate(coll_window *w, intptr_t bytes, MPI_Win *win, char **parts)
{
	char *own;
	MPI_Info info;
	int able = memory_for(w->size * (bytes + 2 * PAGE)), all;
	int code = MPI_Allreduce(&able, &all, 1, MPI_INT, MPI_MIN, w->comm);
	if (code != MPI_SUCCESS || !all)
		return code != MPI_SUCCESS ? code : MPI_ERR_NO_MEM;
	MPI_Info_create(&info);
	MPI_Info_set(info, "alloc_shared_noncontig", "true");
	code = MPI_Win_allocate_shared(bytes + LINE, 1, info, w->comm, &own, win);
	MPI_Info_free(&info);
	for (int rank = 0; rank < w->size && code == MPI_SUCCESS; rank++) {
		MPI_Aint size;
		int unit;
		code = MPI_Win_shared_query(*win, rank, &size, &unit, &parts[rank]);
		parts[rank] += -(uintptr_t)parts[rank] % LINE;
	}
	if (code == MPI_SUCCESS)
		code = MPI_Win_lock_all(MPI_MODE_NOCHECK, *win);
	return code;
}

// The ranks are here already, so that MPI's own calls do not wait for long.
int coll_window_new(coll_group *g, coll_window **window)
{
	coll_window *w = calloc(1, sizeof *w);
	*window = w;
	if (!w)
		return MPI_ERR_NO_MEM;
	w->group = g;
	w->memory = w->control = MPI_WIN_NULL;
	w->comm = MPI_COMM_NULL;
	w->parts = calloc(g->size, sizeof *w->parts);
	w->flags = calloc(g->size, sizeof *w->flags);
	if (!w->parts || !w->flags)
		return MPI_ERR_NO_MEM;
	int code = MPI_Comm_split_type(g->comm, MPI_COMM_TYPE_SHARED, g->rank, MPI_INFO_NULL, &w->comm);
	if (code == MPI_SUCCESS)
		code = MPI_Comm_set_errhandler(w->comm, MPI_ERRORS_RETURN);
	if (code != MPI_SUCCESS)
		return code;
	MPI_Comm_size(w->comm, &w->size);
	if (g->apart || w->size != g->size)
		return MPI_ERR_RMA_SHARED;
	code = allocate(w, sizeof(coll_flag), &w->control, (char **)w->flags);
	if (code == MPI_SUCCESS)
		atomic_store(&w->flags[g->rank]->arrived, 0); // seen by all after the first growth
	return code;
}

int coll_window_grow(coll_window *w, intptr_t bytes)
{
	char **parts = calloc(w->size, sizeof *parts);
	MPI_Win memory = MPI_WIN_NULL;
	int code = allocate(w, bytes, &memory, parts);
	if (code != MPI_SUCCESS) {
		free(parts);
		return code;
	}
	code = release(&w->memory);
	free(w->parts);
	w->memory = memory;
	w->parts = parts;
	w->bytes = bytes;
	return code;
}

int coll_window_free(coll_window *w)
{
	if (!w)
		return MPI_ERR_NO_MEM;
	int memory = release(&w->memory), control = release(&w->control);
	int comm = w->comm == MPI_COMM_NULL ? MPI_SUCCESS : MPI_Comm_free(&w->comm);
	free(w->parts);
	free(w->flags);
	free(w);
	return memory != MPI_SUCCESS ? memory : control != MPI_SUCCESS ? control : comm;
}

// Waits until every rank has arrived so often. Once that takes longer, messages of ranks on other nodes, which may
// be what the late one waits for, are moved on meanwhile.
int coll_window_await(coll_window *w, uint64_t times)
{
	coll_group *g = w->group;
	coll_begin(g);
	unsigned looks = 0;
	for (int rank = 0; rank < g->size;) {
		if (atomic_load_explicit(&w->flags[rank]->arrived, memory_order_acquire) >= times) {
			rank++;
			continue;
		}
		coll_breathe();
		if (++looks % COLL_LOOKS != 0)
			continue;
		if (g->since)
			coll_hear(g->roll);
		int rc = coll_patience(g, rank);
		if (rc != COLL_DONE) {
			coll_latest(g);
			for (int r = 0; r < g->size; r++)
				g->pending[r] = atomic_load_explicit(&w->flags[r]->arrived, memory_order_acquire) < times;
			return rc;
		}
	}
	coll_end(g);
	return COLL_DONE;
}

//go:build cgo && !nompi

// The life of groups: the world, its parts, and their end.

#include "mpi_comm.h"

#include <stdlib.h>

static void dispose(coll_group *g)
{
	free(g->world);
	free(g->told);
	free(g->pending);
	free(g->heard);
	free(g->requests);
	free(g->statuses);
	free(g->peers);
	free(g->wants);
	free(g);
}

static coll_group *new_group(MPI_Comm comm, coll_roll *roll)
{
	coll_group *g = calloc(1, sizeof *g);
	if (!g)
		return NULL;
	g->comm = comm;
	g->roll = roll;
	MPI_Comm_rank(comm, &g->rank);
	MPI_Comm_size(comm, &g->size);
	g->world = calloc(g->size, sizeof *g->world);
	g->told = calloc(g->size, sizeof *g->told);
	g->pending = calloc(g->size, sizeof *g->pending);
	g->heard = calloc(roll->size, sizeof *g->heard);
	if (!g->world || !g->told || !g->pending || !g->heard) {
		dispose(g);
		return NULL;
	}
	for (int rank = 0; rank < g->size; rank++) {
		g->world[rank] = rank;
		g->told[rank] = MPI_REQUEST_NULL;
	}
	return g;
}

static int new_roll(coll_roll **roll)
{
	coll_roll *r = calloc(1, sizeof *r);
	if (!r)
		return MPI_ERR_NO_MEM;
	MPI_Comm_size(MPI_COMM_WORLD, &r->size);
	r->latest = calloc(r->size, sizeof *r->latest);
	if (!r->latest)
		return MPI_ERR_NO_MEM;
	pthread_mutex_init(&r->lock, NULL);
	*roll = r;
	int code = MPI_Comm_dup(MPI_COMM_WORLD, &r->comm);
	return code == MPI_SUCCESS ? MPI_Comm_set_errhandler(r->comm, MPI_ERRORS_RETURN) : code;
}

int coll_world(coll_roll **roll, coll_group **world)
{
	MPI_Comm comm;
	MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
	int code = new_roll(roll);
	if (code == MPI_SUCCESS)
		code = MPI_Comm_dup(MPI_COMM_WORLD, &comm);
	if (code == MPI_SUCCESS)
		code = MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN);
	if (code == MPI_SUCCESS && !(*world = new_group(comm, *roll)))
		code = MPI_ERR_NO_MEM;
	return code;
}

// Color and key are ≥ 0; a rank that joins no group has color -1 and gets NULL.
// All ranks are here already, so that the blocking split does not wait for long.
int coll_split(coll_group *parent, int color, int key, coll_group **child)
{
	MPI_Comm comm;
	*child = NULL;
	int code = MPI_Comm_split(parent->comm, color < 0 ? MPI_UNDEFINED : color, key, &comm);
	if (code != MPI_SUCCESS || comm == MPI_COMM_NULL)
		return code;
	code = MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN);
	if (code != MPI_SUCCESS)
		return code;
	coll_group *g = new_group(comm, parent->roll);
	if (!g)
		return MPI_ERR_NO_MEM;
	g->backoff = parent->backoff;
	g->deadline = parent->deadline;
	g->patience = parent->patience;
	g->chunk = parent->chunk;
	g->apart = parent->apart;
	*child = g;
	return coll_slots_new(g);
}

int coll_free(coll_group *g)
{
	int told, code = g->slots ? coll_window_free(g->slots) : MPI_SUCCESS;
	if (code == MPI_SUCCESS)
		code = MPI_Comm_free(&g->comm);
	MPI_Testall(g->size, g->told, &told, MPI_STATUSES_IGNORE);
	if (told)
		dispose(g); // else a notice is still being read from g
	return code;
}

void coll_abort(int code)
{
	MPI_Abort(MPI_COMM_WORLD, code);
}

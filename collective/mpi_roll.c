//go:build cgo && !nompi

// The roll call. A rank that waits for long sends a notice to its group and to rank 0 of the
// world, whose error is told first, another when the wait is over, and hears the notices of others. They travel on a communicator of the whole world that no
// payload uses and that lives as long as the world, so that none of them can reach
// a later group.

#include "mpi_comm.h"

#include <string.h>

void coll_hear(coll_roll *roll)
{
	if (pthread_mutex_trylock(&roll->lock) != 0)
		return; // another group's thread is at it
	for (;;) {
		int there = 0;
		MPI_Status s;
		coll_notice n;
		if (MPI_Iprobe(MPI_ANY_SOURCE, 0, roll->comm, &there, &s) != MPI_SUCCESS || !there)
			break;
		if (MPI_Recv(&n, sizeof n, MPI_BYTE, s.MPI_SOURCE, 0, roll->comm, MPI_STATUS_IGNORE) != MPI_SUCCESS)
			break;
		roll->latest[s.MPI_SOURCE] = n;
	}
	pthread_mutex_unlock(&roll->lock);
}

static void tell(coll_group *g, int world, int request)
{
	MPI_Isend(&g->said, sizeof g->said, MPI_BYTE, world, 0, g->roll->comm, &g->told[request]);
}

void coll_announce(coll_group *g, int64_t kind)
{
	int sent = 0;
	if (MPI_Testall(g->size, g->told, &sent, MPI_STATUSES_IGNORE) != MPI_SUCCESS || !sent)
		return; // the notice before is still on its way
	g->said = g->now;
	g->said.kind = kind;
	int first = 0;
	for (int rank = 0; rank < g->size; rank++) {
		first |= g->world[rank] == 0;
		if (rank != g->rank)
			tell(g, g->world[rank], rank);
	}
	if (!first)
		tell(g, 0, g->rank);
}

void coll_latest(coll_group *g)
{
	pthread_mutex_lock(&g->roll->lock);
	memcpy(g->heard, g->roll->latest, g->roll->size * sizeof *g->heard);
	pthread_mutex_unlock(&g->roll->lock);
}

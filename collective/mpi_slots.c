//go:build cgo && !nompi

// Slots: short messages between ranks of one node, through memory that they share. Every
// rank's part holds two slots for every other rank, used in turns. A slot says which operation
// its message belongs to, so that one which nobody expects is overwritten later; a rank writes a
// slot again once its reader is through with the operation before the last.

#include "mpi_comm.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
	_Alignas(64) _Atomic uint64_t op;
	int64_t bytes;
	char body[COLL_SLOT];
} slot;

enum { MOST_RANKS = 64 };

static slot *slot_of(coll_group *g, int reader, int writer)
{
	return (slot *)g->slots->parts[reader] + 2 * writer + g->op % 2;
}

// Gives a new group slots, if its ranks share memory. All of them are here.
int coll_slots_new(coll_group *g)
{
	coll_window *w = NULL;
	if (g->size == 1 || g->size > MOST_RANKS)
		return MPI_SUCCESS;
	int code = coll_window_new(g, &w);
	if (code == MPI_SUCCESS)
		code = coll_window_grow(w, 2 * g->size * sizeof(slot));
	if (code != MPI_SUCCESS)
		return coll_window_free(w);
	for (int writer = 0; writer < 2 * g->size; writer++)
		atomic_store(&((slot *)w->parts[g->rank] + writer)->op, 0);
	g->slots = w;
	return MPI_Barrier(w->comm);
}

// Waits until a counter or a slot of a rank holds at least a number.
static int await(coll_group *g, int rank, _Atomic uint64_t *number, uint64_t least)
{
	for (unsigned looks = 1; atomic_load_explicit(number, memory_order_acquire) < least; looks++) {
		coll_breathe();
		if (looks % COLL_LOOKS != 0)
			continue;
		if (g->since)
			coll_hear(g->roll);
		if (coll_patience(g, rank) != COLL_DONE) {
			g->awaited = rank;
			return coll_late(g);
		}
	}
	return COLL_DONE;
}

// Puts a message into the slot of its reader, of a long one its size alone.
int coll_put(coll_group *g, int reader, const char *buf, intptr_t bytes)
{
	if (g->op > 2) {
		int rc = await(g, reader, &g->slots->flags[reader]->arrived, g->op - 2);
		if (rc != COLL_DONE)
			return rc;
	}
	slot *s = slot_of(g, reader, g->rank);
	s->bytes = bytes;
	if (bytes <= COLL_SLOT)
		memcpy(s->body, buf, bytes);
	atomic_store_explicit(&s->op, g->op, memory_order_release);
	return COLL_DONE;
}

// Waits for the message of a writer, of so many bytes, and gives where it is.
int coll_look(coll_group *g, int writer, intptr_t bytes, const char **body)
{
	slot *s = slot_of(g, g->rank, writer);
	int rc = await(g, writer, &s->op, g->op);
	if (rc != COLL_DONE)
		return rc;
	*body = s->body;
	if (s->bytes == bytes)
		return COLL_DONE;
	g->peer = writer;
	g->got = s->bytes;
	g->want = bytes;
	return COLL_SIZE;
}

// Whether a message that is awaited from MPI has become a short one.
int coll_shrunk(coll_group *g, int writer)
{
	if (!g->by_slots)
		return 0;
	slot *s = slot_of(g, g->rank, writer);
	if (atomic_load_explicit(&s->op, memory_order_acquire) < g->op || s->bytes > COLL_SLOT)
		return 0;
	g->got = s->bytes;
	return 1;
}

// Begins an operation whose messages may go through slots.
void coll_begin_in_slots(coll_group *g)
{
	g->by_slots = g->slots != NULL;
	g->op++;
}

// Ends it: its slots may be written again.
void coll_through(coll_group *g)
{
	if (g->slots)
		atomic_store_explicit(&g->slots->flags[g->rank]->arrived, g->op, memory_order_release);
}

//go:build cgo && !nompi

// Collectives as sets of messages, posted here and completed by mpi_wait.c. The
// sizes of messages are taken from their statuses, so that a rank finds out when
// another one's counts differ from its own.

#include "mpi_comm.h"

#include <stdlib.h>
#include <string.h>

static int failed(coll_group *g, int code)
{
	g->code = code;
	return COLL_MPI;
}

static int grow(void **array, int room, size_t each)
{
	void *larger = realloc(*array, room * each);
	if (larger)
		*array = larger;
	return larger != NULL;
}

// The slot of the next request, or NULL where there is no memory for it.
static MPI_Request *next(coll_group *g, int peer, int want)
{
	if (g->posted == g->room) {
		int room = g->room ? 2 * g->room : 2 * g->size + 2;
		if (!grow((void **)&g->requests, room, sizeof *g->requests) ||
		    !grow((void **)&g->statuses, room, sizeof *g->statuses) ||
		    !grow((void **)&g->peers, room, sizeof *g->peers) ||
		    !grow((void **)&g->wants, room, sizeof *g->wants))
			return NULL;
		g->room = room;
	}
	g->peers[g->posted] = peer;
	g->wants[g->posted] = want;
	return &g->requests[g->posted++];
}

// Messages of an operation carry its number, so that what an earlier one with
// unequal counts has left behind matches nothing.
static int tag(const coll_group *g)
{
	return (int)(g->now.seq % 32768);
}

static int post_recv(coll_group *g, char *buf, intptr_t bytes, int from)
{
	for (intptr_t at = 0; at < bytes; at += g->chunk) {
		int n = (int)(bytes - at < g->chunk ? bytes - at : g->chunk);
		MPI_Request *request = next(g, from, n);
		if (!request)
			return COLL_FULL;
		int code = MPI_Irecv(buf + at, n, MPI_BYTE, from, tag(g), g->comm, request);
		if (code != MPI_SUCCESS)
			return failed(g, code);
	}
	return COLL_DONE;
}

static int post_send(coll_group *g, const char *buf, intptr_t bytes, int to)
{
	for (intptr_t at = 0; at < bytes; at += g->chunk) {
		int n = (int)(bytes - at < g->chunk ? bytes - at : g->chunk);
		MPI_Request *request = next(g, to, -1);
		if (!request)
			return COLL_FULL;
		int code = MPI_Isend(buf + at, n, MPI_BYTE, to, tag(g), g->comm, request);
		if (code != MPI_SUCCESS)
			return failed(g, code);
	}
	return COLL_DONE;
}

static int in_slot(const coll_group *g, intptr_t bytes)
{
	return g->slots && bytes <= COLL_SLOT;
}

// Posts the receives of all blocks but the own, and of those that come through slots; *own is where
// that one lies.
static int post_recv_blocks(coll_group *g, char *recv, const intptr_t *counts, char **own)
{
	for (int i = 0; i < g->size; i++) {
		int rc = COLL_DONE;
		if (i == g->rank)
			*own = recv;
		else if (!in_slot(g, counts[i]))
			rc = post_recv(g, recv, counts[i], i);
		if (rc != COLL_DONE)
			return rc;
		recv += counts[i];
	}
	return COLL_DONE;
}

static int send_block(coll_group *g, const char *buf, intptr_t bytes, int to)
{
	if (g->slots && bytes > 0) {
		int rc = coll_put(g, to, buf, bytes);
		if (rc != COLL_DONE || bytes <= COLL_SLOT)
			return rc;
	}
	return post_send(g, buf, bytes, to);
}

// Sends the blocks of ranks from ≤ j < to, the first at send.
static int send_blocks(coll_group *g, const char *send, const intptr_t *counts, int from, int to)
{
	for (int j = from; j < to; j++) {
		int rc = send_block(g, send, counts[j], j);
		if (rc != COLL_DONE)
			return rc;
		send += counts[j];
	}
	return COLL_DONE;
}

// Receives, and throws away, the messages of a block that turns out to be a long one, for which its writer
// waits.
static int drain(coll_group *g, int writer, intptr_t want)
{
	for (int64_t at = 0; g->got > COLL_SLOT && at < g->got; at += g->chunk) {
		MPI_Request *request = next(g, writer, (int)want);
		if (!request)
			return COLL_FULL;
		int code = MPI_Irecv(NULL, 0, MPI_BYTE, writer, tag(g), g->comm, request);
		if (code != MPI_SUCCESS)
			return failed(g, code);
	}
	return COLL_SIZE;
}

// Takes the blocks that come through slots.
static int take_slots(coll_group *g, char *recv, const intptr_t *counts)
{
	int fault = COLL_DONE;
	for (int i = 0; i < g->size && g->slots; i++) {
		if (i != g->rank && counts[i] > 0 && counts[i] <= COLL_SLOT) {
			const char *body;
			int rc = coll_look(g, i, counts[i], &body);
			if (rc == COLL_DONE)
				memcpy(recv, body, counts[i]);
			else if (rc == COLL_SIZE)
				fault = rc = drain(g, i, counts[i]);
			if (rc != COLL_DONE && rc != COLL_SIZE)
				return rc;
		}
		recv += counts[i];
	}
	return fault;
}

// Takes the blocks that come through slots, then waits for the others.
static int take_blocks(coll_group *g, char *recv, const intptr_t *counts)
{
	int fault = take_slots(g, recv, counts);
	if (fault != COLL_DONE && fault != COLL_SIZE)
		return fault;
	int rc = coll_wait(g);
	coll_through(g);
	return rc != COLL_DONE ? rc : fault;
}

int coll_begin_alltoallv(coll_group *g, char *recv, const intptr_t *recv_counts, const char *send, const intptr_t *send_counts)
{
	coll_begin(g);
	coll_begin_in_slots(g);
	char *own = recv;
	int rc = post_recv_blocks(g, recv, recv_counts, &own);
	g->receives = g->posted;
	const char *mine = send;
	for (int j = 0; j < g->rank; j++)
		mine += send_counts[j];
	intptr_t n = send_counts[g->rank];
	// Every rank begins with its right neighbour, so that no one is sent to by all at once.
	if (rc == COLL_DONE)
		rc = send_blocks(g, mine + n, send_counts, g->rank + 1, g->size);
	if (rc == COLL_DONE)
		rc = send_blocks(g, send, send_counts, 0, g->rank);
	if (rc == COLL_DONE && n > 0)
		memcpy(own, mine, n);
	return rc;
}

// Waits for what is to come, not for what is to leave.
int coll_receive(coll_group *g, char *recv, const intptr_t *recv_counts)
{
	coll_wait_anew(g);
	int fault = take_slots(g, recv, recv_counts);
	if (fault != COLL_DONE && fault != COLL_SIZE)
		return fault;
	int rc = coll_wait_for(g, g->receives);
	coll_through(g);
	return rc != COLL_DONE ? rc : fault;
}

// Waits for all that is left.
int coll_complete(coll_group *g)
{
	coll_wait_anew(g);
	return coll_wait(g);
}

int coll_alltoallv(coll_group *g, char *recv, const intptr_t *recv_counts, const char *send, const intptr_t *send_counts)
{
	int rc = coll_begin_alltoallv(g, recv, recv_counts, send, send_counts);
	return rc == COLL_DONE ? take_blocks(g, recv, recv_counts) : rc;
}

// Lets MPI work on what is posted, and tells whether all of that is complete.
int coll_test(coll_group *g)
{
	int done = 1;
	for (int i = g->at; i < g->posted && done; i++)
		if (MPI_Request_get_status(g->requests[i], &done, MPI_STATUS_IGNORE) != MPI_SUCCESS)
			return 1; // the end of the operation will say why
	return done;
}

int coll_allgatherv(coll_group *g, char *recv, const intptr_t *recv_counts, const char *send)
{
	coll_begin(g);
	coll_begin_in_slots(g);
	char *own = recv;
	intptr_t n = recv_counts[g->rank];
	int rc = post_recv_blocks(g, recv, recv_counts, &own);
	for (int i = 1; i < g->size && rc == COLL_DONE; i++)
		rc = send_block(g, send, n, (g->rank + i) % g->size);
	if (rc != COLL_DONE)
		return rc;
	if (n > 0)
		memcpy(own, send, n);
	return take_blocks(g, recv, recv_counts);
}

// Of a broadcast that does not come, marks the rank above as awaited, and, while
// that one is waiting in it too, the next above.
static void suspect_above(coll_group *g, int from_root, int root)
{
	while (from_root != 0) {
		from_root &= from_root - 1;
		int rank = (from_root + root) % g->size;
		g->pending[rank] = 1;
		coll_notice *n = &g->heard[g->world[rank]];
		if (n->group != g->now.group || n->seq != g->now.seq)
			return;
	}
}

// A binomial tree: a rank receives from the one that differs in its lowest bit
// (counted from the root), then sends to those that differ in a lower one.
int coll_bcast(coll_group *g, char *buf, intptr_t bytes, int root)
{
	coll_begin(g);
	int from_root = (g->rank - root + g->size) % g->size, received = COLL_DONE, bit = 1;
	while (bit < g->size && !(from_root & bit))
		bit *= 2;
	if (from_root != 0) {
		received = post_recv(g, buf, bytes, (from_root - bit + root) % g->size);
		if (received == COLL_DONE)
			received = coll_wait(g);
		if (received == COLL_LATE)
			suspect_above(g, from_root, root);
		// With a wrong size go on: the ranks below wait for what there is.
		if (received != COLL_DONE && received != COLL_SIZE)
			return received;
	}
	for (bit /= 2; bit > 0; bit /= 2) {
		if (from_root + bit >= g->size)
			continue;
		int rc = post_send(g, buf, bytes, (from_root + bit + root) % g->size);
		if (rc != COLL_DONE)
			return rc;
	}
	int sent = coll_wait(g);
	return sent != COLL_DONE ? sent : received;
}

int coll_allreduce(coll_group *g, char *buf, intptr_t count, int type, int op)
{
	const MPI_Datatype types[] = {MPI_INT32_T, MPI_INT64_T, MPI_UINT32_T, MPI_UINT64_T, MPI_FLOAT, MPI_DOUBLE};
	const int sizes[] = {4, 8, 4, 8, 4, 8};
	const MPI_Op ops[] = {MPI_SUM, MPI_MIN, MPI_MAX};
	coll_begin(g);
	if (g->size == 1)
		return COLL_DONE;
	if (in_slot(g, count * sizes[type]))
		return coll_reduce_in_slots(g, buf, count, type, op);
	intptr_t most = g->chunk / sizes[type];
	for (intptr_t at = 0; at < count; at += most) {
		int n = (int)(count - at < most ? count - at : most);
		MPI_Request *request = next(g, -1, -1);
		if (!request)
			return COLL_FULL;
		char *part = buf + at * sizes[type];
		int code = MPI_Iallreduce(MPI_IN_PLACE, part, n, types[type], ops[op], g->comm, request);
		if (code != MPI_SUCCESS)
			return failed(g, code);
		int rc = coll_wait(g);
		if (rc != COLL_DONE)
			return rc;
	}
	return COLL_DONE;
}

int coll_barrier(coll_group *g)
{
	coll_begin(g);
	if (g->size == 1)
		return COLL_DONE;
	MPI_Request *request = next(g, -1, -1);
	if (!request)
		return COLL_FULL;
	int code = MPI_Ibarrier(g->comm, request);
	return code == MPI_SUCCESS ? coll_wait(g) : failed(g, code);
}

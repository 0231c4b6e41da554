// The MPI side of a group: what gompi lacks. Reading order: mpi_comm.c, mpi_wait.c,
// mpi_roll.c, mpi_group.c, mpi_window.c, mpi_slots.c, mpi_reduce.c.
#ifndef COLLECTIVE_MPI_COMM_H
#define COLLECTIVE_MPI_COMM_H

#include <mpi.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

// How an operation ended.
enum {
	COLL_DONE,
	COLL_MPI,  // an MPI call failed: code
	COLL_SIZE, // a message had another size than expected: peer, got, want
	COLL_LATE, // not complete after the deadline: pending, heard
	COLL_FULL, // no memory for requests
};

// What a rank that waits for long tells the others: where it waits and for whom, or with
// kind 0 that it waits there no more.
typedef struct {
	uint64_t group; // the same number on all its ranks, another for every group
	uint64_t seq;
	int64_t kind;
	int64_t awaits; // the rank of the world that it waits for, -1 for any of the group
} coll_notice;

// The roll call of the world: notices on a communicator of their own.
typedef struct {
	MPI_Comm comm;
	pthread_mutex_t lock;
	int size;            // of the world
	coll_notice *latest; // [world size]: the last notice of each rank
} coll_roll;

enum {
	COLL_SLOT = 8192 - 16, // bytes of a message that goes through memory
	COLL_LOOKS = 8,        // at a counter, which take as long as one look at a request
};

typedef struct coll_window coll_window;

typedef struct {
	MPI_Comm comm;
	coll_roll *roll;
	int rank, size;
	int *world; // [size]: the world rank of each rank
	coll_notice now; // the operation that runs; Go sets it

	int backoff;
	int64_t deadline, patience; // ns: how long to wait, when to announce it
	intptr_t chunk;             // bytes in one message, at most

	int apart;          // as if the ranks were on several nodes
	coll_window *slots; // NULL where the ranks share no memory
	uint64_t op;        // the last operation that uses them
	int by_slots;       // whether that one runs
	int awaited;        // the rank whose slot is waited for, -1 for none

	MPI_Request *requests; // [room], the first `posted` in use
	MPI_Status *statuses;  // [room]
	int *peers;            // [room]: -1 for all ranks
	int *wants;            // [room]: bytes to receive, -1 for a send
	int posted, room;
	int at;       // the first that has not been waited for
	int receives; // of a nonblocking operation: those before are receives

	int64_t clock;            // ns, to a few ms: when the last operation began
	int64_t since, next_call; // ns: when the wait began, when to look at the roll
	int64_t next_told;        // ns: when to say that it waits for another rank than before
	unsigned polls; // of this wait
	coll_notice said;  // the last notice, which the sends of `told` read
	MPI_Request *told; // [size]: to each rank; the own one's is to rank 0 of the world, where that is not in the group

	int code, peer;
	int64_t got, want;
	char *pending;      // [size]: 1 for ranks that a late operation waits for
	coll_notice *heard; // [world size]: the last notices then
} coll_group;

// How often a rank has arrived at a window: on a cache line of its own.
typedef struct {
	_Alignas(64) _Atomic uint64_t arrived;
} coll_flag;

struct coll_window {
	coll_group *group;
	MPI_Comm comm; // of the same ranks: those calls that MPI has no deadline for
	int size;
	MPI_Win memory, control;
	char **parts;      // [size]
	coll_flag **flags; // [size]
	intptr_t bytes;    // of each part
};

int coll_world(coll_roll **roll, coll_group **world);
int coll_split(coll_group *parent, int color, int key, coll_group **child);
int coll_free(coll_group *g);

void coll_abort(int code);

// Buffers are char: cgo looks into what a void pointer points to at every call.
int coll_alltoallv(coll_group *g, char *recv, const intptr_t *recv_counts, const char *send, const intptr_t *send_counts);
int coll_begin_alltoallv(coll_group *g, char *recv, const intptr_t *recv_counts, const char *send, const intptr_t *send_counts);
int coll_receive(coll_group *g, char *recv, const intptr_t *recv_counts);
int coll_complete(coll_group *g);
int coll_test(coll_group *g);
int coll_allgatherv(coll_group *g, char *recv, const intptr_t *recv_counts, const char *send);
int coll_allreduce(coll_group *g, char *buf, intptr_t count, int type, int op);
int coll_bcast(coll_group *g, char *buf, intptr_t bytes, int root);
int coll_barrier(coll_group *g);

int coll_window_new(coll_group *g, coll_window **w);
int coll_window_grow(coll_window *w, intptr_t bytes);
int coll_window_free(coll_window *w);
int coll_window_await(coll_window *w, uint64_t times);

int coll_slots_new(coll_group *g);
int coll_put(coll_group *g, int reader, const char *buf, intptr_t bytes);
int coll_look(coll_group *g, int writer, intptr_t bytes, const char **body);
int coll_reduce_in_slots(coll_group *g, char *buf, intptr_t count, int type, int op);
int coll_shrunk(coll_group *g, int writer);
void coll_begin_in_slots(coll_group *g);
void coll_through(coll_group *g);

int64_t coll_clock(void);
void coll_breathe(void);
int coll_late(coll_group *g);
void coll_begin(coll_group *g);
void coll_wait_anew(coll_group *g);
int coll_patience(coll_group *g, int rank);
void coll_end(coll_group *g);
int coll_wait_for(coll_group *g, int posted);
int coll_wait(coll_group *g);
void coll_announce(coll_group *g, int64_t kind);
void coll_hear(coll_roll *roll);
void coll_latest(coll_group *g);

#endif

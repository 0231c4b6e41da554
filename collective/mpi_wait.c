//go:build cgo && !nompi

// The one loop in which ranks wait. It polls, backs off, and at the deadline says
// whom it waits for. The roll call is how it knows: a rank that waits for longer
// than `patience` tells all ranks of its group in which operation it is, and for whom it waits.

#define _GNU_SOURCE
#include "mpi_comm.h"

#include <time.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

enum {
	EAGER_POLLS = 200,  // polls before the clock is read
	CROWDED_POLLS = 20, // polls before the first pause, where ranks share cores
	CLOCK_POLLS = 64,  // polls between two looks at the clock without pauses
	LEAST_PAUSE = 20000,
	MOST_PAUSE = 1000000, // ns
	ROLL_PERIOD = 1000000, // ns
	PAUSE_SHARE = 8, // a pause is at most this part of the time waited
	TIMER_SLACK = 1000, // ns; the default of 50000 would double the pauses
};

static int64_t clock_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

// The time to a few milliseconds, where that is cheaper than to the nanosecond.
int64_t coll_clock(void)
{
#ifdef CLOCK_MONOTONIC_COARSE
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
#else
	return clock_ns();
#endif
}

static void pause_after(int64_t waited)
{
#ifdef __linux__
	static __thread int slack_set;
	if (!slack_set) {
		prctl(PR_SET_TIMERSLACK, TIMER_SLACK);
		slack_set = 1;
	}
#endif
	int64_t ns = waited / PAUSE_SHARE;
	ns = ns < LEAST_PAUSE ? LEAST_PAUSE : ns > MOST_PAUSE ? MOST_PAUSE : ns;
	nanosleep(&(struct timespec){.tv_nsec = ns}, NULL);
}

// Marks the ranks that unfinished requests wait for. With none of them known, as
// in MPI's own collectives, that is all ranks.
int coll_late(coll_group *g)
{
	coll_latest(g);
	for (int rank = 0; rank < g->size; rank++)
		g->pending[rank] = rank == g->awaited;
	for (int i = 0; i < g->posted; i++) {
		int done = 1;
		if (g->requests[i] != MPI_REQUEST_NULL)
			MPI_Request_get_status(g->requests[i], &done, MPI_STATUS_IGNORE);
		if (done)
			continue;
		if (g->peers[i] >= 0)
			g->pending[g->peers[i]] = 1;
		else
			for (int rank = 0; rank < g->size; rank++)
				g->pending[rank] = rank != g->rank;
	}
	return COLL_LATE;
}

// Compares the size of what has come for a request with what was wanted; code is what MPI
// says of it. Of several faults the first is told.
static int check_size(coll_group *g, int i, int code)
{
	if (code != MPI_SUCCESS) {
		int class;
		MPI_Error_class(code, &class);
		if (class != MPI_ERR_TRUNCATE) {
			g->code = code;
			return COLL_MPI;
		}
	}
	if (g->wants[i] < 0)
		return COLL_DONE;
	int got;
	MPI_Get_count(&g->statuses[i], MPI_BYTE, &got);
	if (got == g->wants[i] && code == MPI_SUCCESS)
		return COLL_DONE;
	g->peer = g->peers[i];
	g->got = got;
	g->want = g->wants[i];
	return COLL_SIZE;
}

void coll_breathe(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#endif
}

// Begins an operation.
void coll_begin(coll_group *g)
{
	g->posted = 0;
	g->at = 0;
	g->awaited = -1;
	g->by_slots = 0;
	coll_wait_anew(g);
	g->clock = coll_clock();
	if (g->now.seq % 64 == 0)
		coll_hear(g->roll);
}

// Begins a wait.
void coll_wait_anew(coll_group *g)
{
	coll_end(g); // an earlier one could not, while its notice was on its way
	g->polls = 0;
	g->since = 0;
}

// Takes the announcement of a long wait back.
void coll_end(coll_group *g)
{
	if (g->said.kind)
		coll_announce(g, 0);
}

// Tells the group where it waits, and for whom. That it waits for another rank than before it tells
// once its wait has become twice as long: a rank may wait for each of hundreds.
static void tell_wait(coll_group *g, int rank, int64_t now)
{
	g->now.awaits = rank < 0 ? -1 : g->world[rank];
	int told = g->said.kind == g->now.kind && g->said.seq == g->now.seq;
	if (told && (g->said.awaits == g->now.awaits || now < g->next_told))
		return;
	coll_announce(g, g->now.kind);
	if (g->said.awaits == g->now.awaits)
		g->next_told = now + (now - g->since);
}

// What a rank does between two looks at what it waits for, from one rank, or, with -1, from any. It gives up a
// while after the deadline: one more `patience`, in which ranks that came just before it make themselves heard.
int coll_patience(coll_group *g, int rank)
{
	g->polls++;
	if (g->polls < (g->backoff ? CROWDED_POLLS : EAGER_POLLS) || (!g->backoff && g->polls % CLOCK_POLLS != 0))
		return COLL_DONE;
	int64_t now = clock_ns();
	if (g->since == 0)
		g->since = g->next_call = now;
	int64_t waited = now - g->since;
	if (waited > g->patience && now >= g->next_call) {
		tell_wait(g, rank, now);
		coll_hear(g->roll);
		g->next_call = now + ROLL_PERIOD;
	}
	if (waited > g->deadline + g->patience)
		return COLL_LATE;
	if (g->backoff)
		pause_after(waited);
	return COLL_DONE;
}

// Completes the first requests, so many of those posted.
int coll_wait_for(coll_group *g, int posted)
{
	int rc = COLL_DONE;
	while (g->at < posted) {
		int at = g->at, done, code = MPI_Test(&g->requests[at], &done, &g->statuses[at]);
		if (done || code != MPI_SUCCESS) {
			int fault = check_size(g, g->at++, code);
			if (fault == COLL_MPI)
				return fault;
			rc = rc != COLL_DONE ? rc : fault;
		} else if (g->wants[at] > COLL_SLOT && coll_shrunk(g, g->peers[at])) {
			MPI_Cancel(&g->requests[at]);
			MPI_Request_free(&g->requests[at]);
			g->peer = g->peers[at];
			g->want = g->wants[g->at++];
			rc = COLL_SIZE;
		} else if (coll_patience(g, g->peers[at]) != COLL_DONE) {
			return coll_late(g);
		}
	}
	coll_end(g);
	return rc;
}

// Completes all posted requests.
int coll_wait(coll_group *g)
{
	int rc = coll_wait_for(g, g->posted);
	if (rc == COLL_DONE || rc == COLL_SIZE)
		g->posted = g->at = 0;
	return rc;
}

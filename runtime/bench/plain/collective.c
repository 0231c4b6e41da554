// What MPI itself takes: MPI_Alltoallv, MPI_Allgatherv and MPI_Allreduce in a plain C
// program, timed and verified as `capmoe bench collective` does it. It prints the
// same JSON.
//
//	mpicc -O2 collective.c -o collective
//	mpirun -n 2 collective REPEATS OP:BYTES:CALLS...
//	mpirun -n 2 collective REPEATS roundtrip:BYTES,BYTES,...:BYTES,BYTES,...:CALLS
//
// OP is alltoallv, allgatherv or allreduce; BYTES goes from every rank to every other, or is
// the vector of allreduce; a repeat is CALLS calls between two barriers. A round trip is one
// MPI_Alltoallv there and one back, with the bytes of every pair of ranks, by source, of each.

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int rank, size;
static int *counts, *displs;
static char *send, *recv;

// What a round trip moves one way: to every rank and from every rank.
enum { TO, FROM };
typedef struct {
	int *counts[2], *displs[2], total[2];
} way;

static way there, back;

static unsigned char mark(int src, int dst, long i)
{
	return (unsigned char)(7 * src + 13 * dst + i + i / 251);
}

static void move(const way *w, const char *from, char *to)
{
	MPI_Alltoallv(from, w->counts[TO], w->displs[TO], MPI_BYTE, to, w->counts[FROM], w->displs[FROM], MPI_BYTE, MPI_COMM_WORLD);
}

static void call(const char *op, int bytes)
{
	if (strcmp(op, "alltoallv") == 0)
		MPI_Alltoallv(send, counts, displs, MPI_BYTE, recv, counts, displs, MPI_BYTE, MPI_COMM_WORLD);
	else if (strcmp(op, "roundtrip") == 0) {
		move(&there, send, recv);
		move(&back, recv, send);
	} else if (strcmp(op, "allgatherv") == 0)
		MPI_Allgatherv(send, bytes, MPI_BYTE, recv, counts, displs, MPI_BYTE, MPI_COMM_WORLD);
	else
		MPI_Allreduce(MPI_IN_PLACE, send, bytes / 8, MPI_INT64_T, MPI_MAX, MPI_COMM_WORLD);
}

static void fill(const char *op, int bytes)
{
	for (int r = 0; r < size; r++) {
		int dst = strcmp(op, "alltoallv") == 0 ? r : 0;
		for (long i = 0; i < bytes; i++)
			send[(long)r * bytes + i] = mark(rank, dst, i);
	}
	if (strcmp(op, "allreduce") == 0)
		for (long i = 0; i < bytes / 8; i++)
			((long *)send)[i] = rank + i;
	memset(recv, 0, (size_t)size * bytes);
}

static void verify(const char *op, int bytes)
{
	long wrong = 0;
	if (strcmp(op, "allreduce") == 0)
		for (long i = 0; i < bytes / 8; i++)
			wrong += ((long *)send)[i] != size - 1 + i;
	else
		for (int r = 0; r < size; r++)
			for (long i = 0; i < bytes; i++)
				wrong += (unsigned char)recv[(long)r * bytes + i] != mark(r, strcmp(op, "alltoallv") == 0 ? rank : 0, i);
	if (wrong > 0) {
		fprintf(stderr, "%s: %ld of %d bytes of rank %d are wrong\n", op, wrong, size * bytes, rank);
		MPI_Abort(MPI_COMM_WORLD, 1);
	}
}

static void new_way(way *w)
{
	for (int i = 0; i < 2; i++) {
		w->counts[i] = malloc(size * sizeof(int));
		w->displs[i] = malloc(size * sizeof(int));
	}
}

// The bytes between all pairs, by source. It gives what follows the text, NULL if that holds no such numbers.
static const char *read_way(way *w, const char *text)
{
	w->total[TO] = w->total[FROM] = 0;
	for (int pair = 0; pair < size * size; pair++) {
		char *end;
		long bytes = strtol(text, &end, 10);
		if (end == text || bytes < 0 || bytes > 1 << 30 || *end != (pair + 1 < size * size ? ',' : ':'))
			return NULL;
		int peers[2] = {pair % size, pair / size};
		for (int i = 0; i < 2; i++)
			if (peers[!i] == rank) {
				w->counts[i][peers[i]] = bytes;
				w->displs[i][peers[i]] = w->total[i];
				w->total[i] += bytes;
			}
		text = end + 1;
	}
	return text;
}

// The calls of a round trip; 0 if the text is none.
static int read_round_trip(const char *text)
{
	if (strncmp(text, "roundtrip:", 10) != 0)
		return 0;
	new_way(&there);
	new_way(&back);
	text = read_way(&there, text + 10);
	if (text)
		text = read_way(&back, text);
	if (!text || atoi(text) <= 0)
		return 0;
	send = malloc((there.total[TO] > back.total[FROM] ? there.total[TO] : back.total[FROM]) + 1);
	recv = malloc((there.total[FROM] > back.total[TO] ? there.total[FROM] : back.total[TO]) + 1);
	return atoi(text);
}

static void verify_way(const way *w, char *from, char *to)
{
	for (int r = 0; r < size; r++)
		for (long i = 0; i < w->counts[TO][r]; i++)
			from[w->displs[TO][r] + i] = mark(rank, r, i);
	memset(to, 0, w->total[FROM]);
	move(w, from, to);
	for (int r = 0; r < size; r++)
		for (long i = 0; i < w->counts[FROM][r]; i++)
			if ((unsigned char)to[w->displs[FROM][r] + i] != mark(r, rank, i)) {
				fprintf(stderr, "roundtrip: byte %ld from rank %d to rank %d is wrong\n", i, r, rank);
				MPI_Abort(MPI_COMM_WORLD, 1);
			}
}

static void verify_round_trip(void)
{
	verify_way(&there, send, recv);
	verify_way(&back, recv, send);
}

static int ascending(const void *a, const void *b)
{
	double d = *(const double *)a - *(const double *)b;
	return d < 0 ? -1 : d > 0;
}

static void measure(const char *op, int bytes, int calls, int repeats)
{
	double *times = malloc(repeats * sizeof *times);
	for (int i = -1; i < repeats; i++) { // the first warms up
		MPI_Barrier(MPI_COMM_WORLD);
		double start = MPI_Wtime();
		for (int n = 0; n < calls; n++)
			call(op, bytes);
		if (i >= 0)
			times[i] = (MPI_Wtime() - start) / calls * 1e9;
	}
	MPI_Allreduce(MPI_IN_PLACE, times, repeats, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
	qsort(times, repeats, sizeof *times, ascending);
	if (rank == 0)
		printf("{\"op\": \"%s\", \"bytes\": %d, \"median_ns\": %.0f, \"min_ns\": %.0f, \"max_ns\": %.0f, \"repeats\": %d}",
		       op, bytes, times[repeats / 2], times[0], times[repeats - 1], repeats);
	free(times);
}

static void measure_equal(const char *op, int bytes, int calls, int repeats)
{
	send = malloc((size_t)size * bytes);
	recv = malloc((size_t)size * bytes);
	for (int r = 0; r < size; r++) {
		counts[r] = bytes;
		displs[r] = r * bytes;
	}
	fill(op, bytes);
	call(op, bytes);
	verify(op, bytes);
	measure(op, bytes, calls, repeats);
	verify(op, bytes);
	free(send);
	free(recv);
}

static void usage(void)
{
	fprintf(stderr, "usage: collective REPEATS OP:BYTES:CALLS...\n");
	MPI_Abort(MPI_COMM_WORLD, 2);
}

int main(int argc, char **argv)
{
	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	counts = malloc(size * sizeof *counts);
	displs = malloc(size * sizeof *displs);
	int repeats = argc > 1 ? atoi(argv[1]) : 0;
	if (repeats < 1)
		usage();
	if (rank == 0)
		printf("{\"ranks\": %d, \"results\": [\n", size);
	for (int i = 2; i < argc; i++) {
		char op[16];
		int bytes, calls = read_round_trip(argv[i]);
		if (calls > 0) {
			verify_round_trip();
			measure("roundtrip", 0, calls, repeats);
			verify_round_trip();
		} else if (sscanf(argv[i], "%15[a-z]:%d:%d", op, &bytes, &calls) == 3 && bytes >= 8 && calls >= 1) {
			measure_equal(op, bytes, calls, repeats);
		} else {
			usage();
		}
		if (rank == 0)
			printf("%s\n", i + 1 < argc ? "," : "]}");
	}
	MPI_Finalize();
	return 0;
}

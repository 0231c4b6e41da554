// What MPI itself takes: MPI_Alltoallv, MPI_Allgatherv and MPI_Allreduce in a plain C
// program, timed and verified as `capmoe bench collective` does it. It prints the
// same JSON.
//
//	mpicc -O2 collective.c -o collective
//	mpirun -n 2 collective REPEATS OP:BYTES:CALLS...
//	mpirun -n 2 collective REPEATS roundtrip:BYTES,BYTES,...:CALLS
//
// OP is alltoallv, allgatherv or allreduce; BYTES goes from every rank to every other, or is
// the vector of allreduce; a repeat is CALLS calls between two barriers. A round trip is one
// MPI_Alltoallv there and one back, with the bytes of every pair of ranks, by source.

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int rank, size;
static int *counts, *displs, *from_counts, *from_displs;
static char *send, *recv;

static unsigned char mark(int src, int dst, long i)
{
	return (unsigned char)(7 * src + 13 * dst + i + i / 251);
}

static void call(const char *op, int bytes)
{
	if (strcmp(op, "alltoallv") == 0)
		MPI_Alltoallv(send, counts, displs, MPI_BYTE, recv, counts, displs, MPI_BYTE, MPI_COMM_WORLD);
	else if (strcmp(op, "roundtrip") == 0) {
		MPI_Alltoallv(send, counts, displs, MPI_BYTE, recv, from_counts, from_displs, MPI_BYTE, MPI_COMM_WORLD);
		MPI_Alltoallv(recv, from_counts, from_displs, MPI_BYTE, send, counts, displs, MPI_BYTE, MPI_COMM_WORLD);
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

// The bytes between all pairs, from the text of a round trip; 0 if it is none.
static int read_round_trip(const char *text)
{
	int to = 0, from = 0;
	if (strncmp(text, "roundtrip:", 10) != 0)
		return 0;
	text += 10;
	for (int pair = 0; pair < size * size; pair++) {
		char *end;
		long bytes = strtol(text, &end, 10);
		if (end == text || bytes < 0 || bytes > 1 << 30)
			return 0;
		if (pair / size == rank) {
			counts[pair % size] = bytes;
			displs[pair % size] = to;
			to += bytes;
		}
		if (pair % size == rank) {
			from_counts[pair / size] = bytes;
			from_displs[pair / size] = from;
			from += bytes;
		}
		text = end + 1;
	}
	send = malloc(to + 1);
	recv = malloc(from + 1);
	for (long i = 0; i < to; i++)
		send[i] = mark(rank, 0, i);
	return atoi(text) > 0 ? atoi(text) : 0;
}

static void verify_round_trip(void)
{
	long to = displs[size - 1] + counts[size - 1];
	for (long i = 0; i < to; i++)
		if ((unsigned char)send[i] != mark(rank, 0, i)) {
			fprintf(stderr, "roundtrip: byte %ld of rank %d is wrong\n", i, rank);
			MPI_Abort(MPI_COMM_WORLD, 1);
		}
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
	from_counts = malloc(size * sizeof *counts);
	from_displs = malloc(size * sizeof *displs);
	int repeats = argc > 1 ? atoi(argv[1]) : 0;
	if (repeats < 1)
		usage();
	if (rank == 0)
		printf("{\"ranks\": %d, \"results\": [\n", size);
	for (int i = 2; i < argc; i++) {
		char op[16];
		int bytes, calls = read_round_trip(argv[i]);
		if (calls > 0) {
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

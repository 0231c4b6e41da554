// What MPI itself takes: MPI_Alltoallv, MPI_Allgatherv and MPI_Allreduce in a plain C
// program, timed and verified as `capmoe bench collective` does it. It prints the
// same JSON.
//
//	mpicc -O2 collective.c -o collective
//	mpirun -n 2 collective REPEATS OP:BYTES:CALLS...
//
// OP is alltoallv, allgatherv or allreduce; BYTES goes from every rank to every other, or is
// the vector of allreduce; a repeat is CALLS calls between two barriers.

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int rank, size;
static int *counts, *displs;
static char *send, *recv;

static unsigned char mark(int src, int dst, long i)
{
	return (unsigned char)(7 * src + 13 * dst + i + i / 251);
}

static void call(const char *op, int bytes)
{
	if (strcmp(op, "alltoallv") == 0)
		MPI_Alltoallv(send, counts, displs, MPI_BYTE, recv, counts, displs, MPI_BYTE, MPI_COMM_WORLD);
	else if (strcmp(op, "allgatherv") == 0)
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

static int ascending(const void *a, const void *b)
{
	double d = *(const double *)a - *(const double *)b;
	return d < 0 ? -1 : d > 0;
}

static void measure(const char *op, int bytes, int calls, int repeats)
{
	double *times = malloc(repeats * sizeof *times);
	for (int r = 0; r < size; r++) {
		counts[r] = bytes;
		displs[r] = r * bytes;
	}
	fill(op, bytes);
	for (int i = -1; i < repeats; i++) { // the first warms up
		MPI_Barrier(MPI_COMM_WORLD);
		double start = MPI_Wtime();
		for (int n = 0; n < calls; n++)
			call(op, bytes);
		if (i >= 0)
			times[i] = (MPI_Wtime() - start) / calls * 1e9;
		else
			verify(op, bytes);
	}
	verify(op, bytes);
	MPI_Allreduce(MPI_IN_PLACE, times, repeats, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
	qsort(times, repeats, sizeof *times, ascending);
	if (rank == 0)
		printf("{\"op\": \"%s\", \"bytes\": %d, \"median_ns\": %.0f, \"min_ns\": %.0f, \"max_ns\": %.0f, \"repeats\": %d}",
		       op, bytes, times[repeats / 2], times[0], times[repeats - 1], repeats);
	free(times);
}

int main(int argc, char **argv)
{
	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	int repeats = argc > 1 ? atoi(argv[1]) : 0, most = 0;
	char op[16];
	int bytes, calls;
	for (int i = 2; i < argc; i++) {
		if (sscanf(argv[i], "%15[a-z]:%d:%d", op, &bytes, &calls) != 3 || bytes < 8 || calls < 1 || repeats < 1) {
			fprintf(stderr, "usage: collective REPEATS OP:BYTES:CALLS...\n");
			MPI_Abort(MPI_COMM_WORLD, 2);
		}
		most = bytes > most ? bytes : most;
	}
	counts = malloc(size * sizeof *counts);
	displs = malloc(size * sizeof *displs);
	send = malloc((size_t)size * most);
	recv = malloc((size_t)size * most);
	if (rank == 0)
		printf("{\"ranks\": %d, \"results\": [\n", size);
	for (int i = 2; i < argc; i++) {
		sscanf(argv[i], "%15[a-z]:%d:%d", op, &bytes, &calls);
		measure(op, bytes, calls, repeats);
		if (rank == 0)
			printf("%s\n", i + 1 < argc ? "," : "]}");
	}
	MPI_Finalize();
	return 0;
}

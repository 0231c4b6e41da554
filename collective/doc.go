// Package collective carries bytes and counts between the ranks of a world. It
// knows nothing of tokens.
//
//	caller ── typed helpers ── Communicator ──┬── MPI world ────────── Open MPI
//	[]T, elements  []byte, bytes              ├── in-process world ─── goroutines
//	                                          └── Verified ─────────── either
//
// An operation is always check → move → return: a rank checks its own arguments,
// then enters; buffers are its own again when the call returns.
//
//	operation    MPI name             reads              writes             moves by
//	AllToAllV    MPI_Alltoallv        send               recv               slots; MPI_Isend, MPI_Irecv
//	IAllToAllV   MPI_Ialltoallv       send               recv, until Wait   as AllToAllV
//	AllGatherV   MPI_Allgatherv       send               recv               slots; MPI_Isend, MPI_Irecv
//	Broadcast    MPI_Bcast            buf of root        buf of others      MPI_Isend, MPI_Irecv, binomial tree
//	AllReduce    MPI_Allreduce        buf                buf                slots; MPI_Iallreduce, in place
//	Barrier      MPI_Barrier                                                MPI_Ibarrier
//	Split        MPI_Comm_split                                             MPI_Comm_split, after a gather
//	Free         MPI_Comm_free
//	Share        MPI_Win_allocate_shared                                    a barrier first
//	Await        MPI_Win_wait       own counter        others' counters    loads of shared memory
//
// Types are MPI_INT32_T, MPI_INT64_T, MPI_UINT32_T, MPI_UINT64_T, MPI_FLOAT and
// MPI_DOUBLE; reductions MPI_SUM, MPI_MIN and MPI_MAX.
//
// Sizes. Counts are Go ints. Blocks and vectors beyond 2³⁰ bytes travel in several
// messages, so that MPI's int counts never wrap. A block of no bytes sends no
// message. A receiver compares what comes with what it expects; that some comes
// where none is expected, or the other way round, only Verified finds at once.
//
// Deadlines. No operation waits forever. A rank that waits for more than a second (or a
// quarter of the deadline) tells its group, and rank 0 of the world, in which operation and for
// whom; at the deadline the error says who has not entered, who waits elsewhere, and whose data has
// not come (DeadlineError). Where all of them wait themselves it names the rank at the end of the
// chain. In-process worlds also know at once when a rank has returned. MPI's own calls (Init, Comm_split, windows, Finalize) know
// no deadline: Split and Share meet before them, and where MPI does not come back within a minute, or the deadline if that is longer, a
// StuckError ends the process.
//
// Threads. Start locks its goroutine to its thread. A Communicator is used by one
// goroutine at a time; two groups may be used by two goroutines at once.
//
// Overlap. An all-to-all-v may be under way while its rank computes (Nonblocking, an optional capability): the same
// messages in two halves, posted by IAllToAllV and completed by Receive and Wait. Messages go on without the rank as far as
// the network's hardware can; Test lets them go on otherwise.
//
// Windows. Ranks of one node may share memory (Share, an optional capability). They write
// into each other's parts, and meet by counters in that memory: Arrive and Await, a barrier
// in two halves. Groups of one node also move short blocks and vectors through memory that
// they share, the slots of mpi_slots.c.
//
// Processors. Go's monitor takes a thread's processor away that is in C for more than 10 ms
// of short calls, and costs a third of the time from then on; operations of an MPI world
// yield often enough to keep it asleep.
//
// Build tags. With -tags nompi, or without cgo, Start gives a world of one rank,
// of the in-process kind.
//
// Reading order:
//
//	communicator.go            the interface
//	errors.go kind.go          what can go wrong, and the names of operations
//	counts.go split.go         every argument check, displacements, who is in a group
//	typed.go                   helpers on slices of numbers
//	nonblocking.go             what may be under way while a rank computes
//	chain.go                   whom those wait for that a rank waits for
//	agree.go                   one rank's error becomes everyone's
//	verified.go heads.go       arguments compared over ranks
//	counted.go timed.go        bytes sent; time inside operations
//	local.go local_group.go    the in-process world, where ranks meet
//	local_comm.go local_move.go local_reduce.go local_nonblocking.go
//	window.go local_window.go   memory that ranks of a node share
//	world.go                   options and the World
//	mpi_start.go nompi_start.go alone.go mpi_version.go
//	mpi_comm.go mpi_group.go mpi_window.go mpi_nonblocking.go mpi_errors.go   the MPI world: one call into C an operation
//	mpi_comm.h mpi_comm.c mpi_wait.c mpi_roll.c mpi_group.c mpi_window.c mpi_slots.c mpi_reduce.c
//	commtest/                  what every Communicator passes
package collective

package collective

import "fmt"

// kind is one of the operations of a Communicator. Its number travels between
// ranks: in the roll call of a late operation and in the heads of Verified.
type kind int32

const (
	noKind kind = iota
	allToAllV
	allGatherV
	allReduce
	broadcast
	barrier
	split
	free
	winAllocate
	winWait
	winFree
	initialize
	finalize
)

// The names of MPI-3.1, lower case, without the prefix.
var (
	kindNames = []string{"no operation", "alltoallv", "allgatherv", "allreduce", "bcast", "barrier", "comm_split", "comm_free", "win_allocate_shared", "win_wait", "win_free", "init", "finalize"}
	typeNames = []string{"int32", "int64", "uint32", "uint64", "float32", "float64"}
	opNames   = []string{"sum", "min", "max"}
)

func (k kind) String() string { return nameOf(kindNames, int(k)) }

func nameOf(names []string, i int) string {
	if i < 0 || i >= len(names) {
		return fmt.Sprintf("unknown (%d)", i)
	}
	return names[i]
}

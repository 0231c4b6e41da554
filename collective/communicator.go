package collective

// Communicator is a group of ranks that carry out collectives together, in the
// words of MPI-3.1 chapters 5 and 6. Every rank of the group calls the same
// operations in the same order; a rank with nothing to send still takes part.
//
// Buffers belong to the caller. They are read or written only during the call,
// and must not overlap. Blocks lie back to back in rank order: the displacement
// of block j is the sum of the counts before it (see Displacements). A buffer may
// be longer than its blocks; what lies past them is neither read nor written.
// Counts are bytes here and elements in the generic helpers of this package,
// which are what callers use.
//
// Every method checks its own arguments before anything moves; a fault found so
// is known to that rank alone, and the others wait for it until their deadline
// (see Verified). Errors are *Error. An error that holds a *DeadlineError leaves
// the group broken: every later operation fails at once, and buffers of the
// failed operation may still change until the process ends.
//
// A Communicator is used by one goroutine at a time.
type Communicator interface {
	// Rank is this process's number in the group, 0 ≤ Rank < Size.
	Rank() int
	// Size is the number of ranks in the group, at least 1.
	Size() int
	// AllToAllV sends block j of send to rank j and receives block i of recv from
	// rank i. sendCounts and recvCounts have Size entries. What rank i sends to j
	// must be what j receives from i: counts are agreed before payloads move (see
	// Verified for callers that have not agreed).
	AllToAllV(recv []byte, recvCounts []int, send []byte, sendCounts []int) error
	// AllGatherV brings every rank's send, in rank order, to every rank. recvCounts
	// has Size entries, the same on every rank, and recvCounts[Rank] = len(send).
	AllGatherV(recv []byte, recvCounts []int, send []byte) error
	// AllReduce combines buf, a vector of values of type t, over all ranks, in place.
	// Sums of floats have no fixed order; decide with integers.
	AllReduce(buf []byte, t Type, op Op) error
	// Broadcast copies buf of rank root to every rank. Its length is the same everywhere.
	Broadcast(buf []byte, root int) error
	// Barrier returns once every rank has called it.
	Barrier() error
	// Split makes one new group of the ranks that give the same color, ordered by
	// key, then by rank. A negative color joins no group and gets nil.
	Split(color, key int) (Communicator, error)
	// Free gives the group's resources back. All ranks of the group call it, and
	// no operation after it: that gives ErrFreed.
	Free() error
}

// Type is the element type of a reduction.
type Type uint8

// The element types that reductions know, with their MPI names in doc.go.
const (
	Int32 Type = iota
	Int64
	Uint32
	Uint64
	Float32
	Float64
)

// Size is the number of bytes of one element.
func (t Type) Size() int { return [...]int{4, 8, 4, 8, 4, 8}[t] }

func (t Type) String() string { return nameOf(typeNames, int(t)) }

// Op is a reduction operation.
type Op uint8

// The reductions: MPI_SUM, MPI_MIN, MPI_MAX.
const (
	Sum Op = iota
	Min
	Max
)

func (o Op) String() string { return nameOf(opNames, int(o)) }

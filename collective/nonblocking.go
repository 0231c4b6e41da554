package collective

import "errors"

// Nonblocking is a Communicator that can carry out an all-to-all-v while its rank does something else:
// MPI_Ialltoallv of MPI-3.1 chapter 5.12. One operation at a time is under way in a group;
// those that are under way together take groups of their own. On the wire it is AllToAllV, so that some ranks
// may call this and others that.
type Nonblocking interface {
	// IAllToAllV begins AllToAllV, with its checks. Buffers and counts belong to the operation until
	// Wait returns; until then the group carries out no other one.
	IAllToAllV(recv []byte, recvCounts []int, send []byte, sendCounts []int) error
	// Test lets what is under way go on, and tells whether its messages are complete.
	Test() bool
	// Receive returns when recv is complete. What this rank sends may still be under way: to a rank that is computing, say.
	Receive() error
	// Wait ends the operation. Errors are those of AllToAllV, and come from Receive if that finds them. Deadlines count
	// from these two.
	Wait() error
}

// errUnderWay is the fact in the Error of an operation between IAllToAllV and Wait.
var errUnderWay = errors.New("an alltoallv is under way in the group")

// IAllToAllV begins AllToAllV with counts in elements where c is Nonblocking, else it carries it out.
func IAllToAllV[T Elem](c Communicator, recv []T, recvCounts []int, send []T, sendCounts []int) error {
	n := len(recvCounts)
	counts := roomFor(c, n+len(sendCounts))
	scale[T](counts[:n], recvCounts)
	scale[T](counts[n:], sendCounts)
	if b, ok := c.(Nonblocking); ok {
		return b.IAllToAllV(bytesOf(recv), counts[:n], bytesOf(send), counts[n:])
	}
	return c.AllToAllV(bytesOf(recv), counts[:n], bytesOf(send), counts[n:])
}

// Test is c.Test where c is Nonblocking, else true.
func Test(c Communicator) bool {
	b, ok := c.(Nonblocking)
	return !ok || b.Test()
}

// Receive is c.Receive where c is Nonblocking.
func Receive(c Communicator) error {
	if b, ok := c.(Nonblocking); ok {
		return b.Receive()
	}
	return nil
}

// Wait is c.Wait where c is Nonblocking.
func Wait(c Communicator) error {
	if b, ok := c.(Nonblocking); ok {
		return b.Wait()
	}
	return nil
}

// underWay is an all-to-all-v between its begin and its end.
type underWay struct {
	on         bool
	received   bool
	recv, send []byte
	recvCounts []int
	fault, err error // what Receive of an in-process world has found
}

// lend is room for counts, unless those of what is under way are in it.
func (b *underWay) lend(room []int) []int {
	if b.on {
		return nil
	}
	return room
}

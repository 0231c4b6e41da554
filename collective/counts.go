package collective

import "fmt"

// Displacements writes where each block starts, displs[j] = Σ counts[:j], and
// gives the sum of all counts. displs is at least as long as counts.
func Displacements(displs, counts []int) (total int) {
	for j, n := range counts {
		displs[j] = total
		total += n
	}
	return total
}

// caller is the rank whose arguments are checked, and the operation it calls.
type caller struct {
	kind       kind
	rank, size int
}

// errorf is the caller's Error about the rank peer, or no rank in particular (-1).
func (at caller) errorf(peer int, format string, args ...any) error {
	return at.wrap(peer, fmt.Errorf(format, args...))
}

func (at caller) wrap(peer int, err error) error {
	return &Error{Op: at.kind.String(), Rank: at.rank, Size: at.size, Peer: peer, Err: err}
}

// checkAllToAllV checks the arguments of AllToAllV, counts in bytes.
func (at caller) checkAllToAllV(recv []byte, recvCounts []int, send []byte, sendCounts []int) error {
	if err := at.checkBlocks("recv", recvCounts, len(recv)); err != nil {
		return err
	}
	if err := at.checkBlocks("send", sendCounts, len(send)); err != nil {
		return err
	}
	if s, r := sendCounts[at.rank], recvCounts[at.rank]; s != r {
		return at.errorf(at.rank, "sends %d bytes to itself, expects %d", s, r)
	}
	return nil
}

// checkAllGatherV checks the arguments of AllGatherV, counts in bytes.
func (at caller) checkAllGatherV(recv []byte, recvCounts []int, send []byte) error {
	if err := at.checkBlocks("recv", recvCounts, len(recv)); err != nil {
		return err
	}
	if n := recvCounts[at.rank]; n != len(send) {
		return at.errorf(at.rank, "sends %d bytes, its own count is %d", len(send), n)
	}
	return nil
}

// checkBlocks checks that counts has one entry a rank, none of them negative, and
// that the blocks fit into a buffer of room bytes. The sum cannot overflow.
func (at caller) checkBlocks(side string, counts []int, room int) error {
	if len(counts) != at.size {
		return at.errorf(-1, "%sCounts has %d entries, the group %d ranks", side, len(counts), at.size)
	}
	left := room
	for j, n := range counts {
		if n < 0 {
			return at.errorf(j, "%sCounts[%d] is %d, negative", side, j, n)
		}
		if n > left {
			return at.errorf(j, "%sCounts[%d] is %d bytes, the buffer has %d left of %d", side, j, n, left, room)
		}
		left -= n
	}
	return nil
}

// checkAllReduce checks the arguments of AllReduce on a buffer of n bytes.
func (at caller) checkAllReduce(n int, t Type, op Op) error {
	switch {
	case int(t) >= len(typeNames):
		return at.errorf(-1, "type %d is none of the %d types", t, len(typeNames))
	case int(op) >= len(opNames):
		return at.errorf(-1, "op %d is none of the %d operations", op, len(opNames))
	case n%t.Size() != 0:
		return at.errorf(-1, "buffer of %d bytes is no multiple of the %d bytes of %v", n, t.Size(), t)
	}
	return nil
}

// checkBroadcast checks the root of Broadcast.
func (at caller) checkBroadcast(root int) error {
	if root < 0 || root >= at.size {
		return at.errorf(-1, "root %d is none of the group's %d ranks", root, at.size)
	}
	return nil
}

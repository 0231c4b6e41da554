package collective

import "fmt"

// head is what must be equal on every rank of a verified operation, or, for an
// all-gather, what every rank must know of the others.
type head [3]int64

// headLen is the number of int64s that a rank tells: the operation, whether its
// own check failed, and its head.
const headLen = 2 + len(head{})

// equalNames names the numbers that every rank must give alike.
var equalNames = map[kind][]string{
	allReduce: {"bytes", "type", "op"},
	broadcast: {"bytes", "root"},
}

// meet tells all ranks what this one is about to do, and hears the same of them.
// faulty is whether the operation cannot go on, the same everywhere; err is then
// the reason, on those ranks that know it.
func (v *verified) meet(at caller, own error, mine head) (faulty bool, err error) {
	fault := int64(0)
	if own != nil {
		fault = 1
	}
	told := append([]int64{int64(at.kind), fault}, mine[:]...)
	if err := AllGather(v.inner, v.heads, told); err != nil {
		return true, err
	}
	for rank := range at.size {
		if v.heads[rank*headLen+1] != 0 {
			return true, own
		}
	}
	err = v.compareHeads(at)
	return err != nil, err
}

// compareHeads finds the first rank that does something else than rank 0. The
// verdict is the same on every rank.
func (v *verified) compareHeads(at caller) error {
	first := v.heads[:headLen]
	for rank := range at.size {
		its := v.heads[rank*headLen:][:headLen]
		if its[0] != first[0] {
			return at.errorf(rank, "rank %d calls %v, rank 0 calls %v", rank, kind(its[0]), kind(first[0]))
		}
		for i, name := range equalNames[at.kind] {
			if a, b := its[2+i], first[2+i]; a != b {
				return at.errorf(rank, "rank %d passes %s, rank 0 passes %s", rank, quantity(name, a), quantity(name, b))
			}
		}
	}
	return nil
}

func quantity(name string, n int64) string {
	switch name {
	case "type":
		return "type " + nameOf(typeNames, int(n))
	case "op":
		return "op " + nameOf(opNames, int(n))
	case "root":
		return fmt.Sprintf("root %d", n)
	default:
		return fmt.Sprintf("%d %s", n, name)
	}
}

// compareCounts exchanges the counts and compares what each rank sends to this one
// with what this one expects.
func (v *verified) compareCounts(at caller, recvCounts, sendCounts []int) error {
	mine, theirs := v.counts[:at.size], v.counts[at.size:]
	for j, n := range sendCounts {
		mine[j] = int64(n)
	}
	if err := AllToAll(v.inner, theirs, mine); err != nil {
		return err
	}
	return compare(at, recvCounts, func(rank int) int64 { return theirs[rank] })
}

// compareLengths compares what each rank sends to all with what this one expects.
func (v *verified) compareLengths(at caller, recvCounts []int) error {
	return compare(at, recvCounts, func(rank int) int64 { return v.heads[rank*headLen+2] })
}

func compare(at caller, recvCounts []int, sent func(rank int) int64) error {
	for rank, n := range recvCounts {
		if s := sent(rank); s != int64(n) {
			return at.errorf(rank, "rank %d sends %d bytes, rank %d expects %d", rank, s, at.rank, n)
		}
	}
	return nil
}

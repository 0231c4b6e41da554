package collective

import "fmt"

// reducePart reduces this rank's share of the elements, in every rank's vector at
// once: nobody else touches them, and all vectors rest between the two meetings.
// Sums run in rank order, so that they are the same in every run.
func (c *localComm) reducePart(at caller) error {
	posts := c.group.posts
	first := posts[0]
	for rank, p := range posts {
		if len(p.buf) != len(first.buf) || p.t != first.t || p.op != first.op {
			return at.errorf(rank, "rank %d reduces %v, rank 0 %v", rank, p.reduction(), first.reduction())
		}
	}
	unit := first.t.Size()
	n := len(first.buf) / unit
	from, to := n*c.rank/at.size*unit, n*(c.rank+1)/at.size*unit
	sum := first.buf[from:to]
	for _, p := range posts[1:] {
		combineBytes(sum, p.buf[from:to], first.t, first.op)
	}
	for _, p := range posts[1:] {
		copy(p.buf[from:to], sum)
	}
	return nil
}

func (p post) reduction() string {
	return fmt.Sprintf("%d bytes of %v by %v", len(p.buf), p.t, p.op)
}

func combineBytes(dst, src []byte, t Type, op Op) {
	switch t {
	case Int32:
		combine(numbersOf[int32](dst), numbersOf[int32](src), op)
	case Int64:
		combine(numbersOf[int64](dst), numbersOf[int64](src), op)
	case Uint32:
		combine(numbersOf[uint32](dst), numbersOf[uint32](src), op)
	case Uint64:
		combine(numbersOf[uint64](dst), numbersOf[uint64](src), op)
	case Float32:
		combine(numbersOf[float32](dst), numbersOf[float32](src), op)
	case Float64:
		combine(numbersOf[float64](dst), numbersOf[float64](src), op)
	}
}

// combine sets dst[i] to dst[i] op src[i].
func combine[T Number](dst, src []T, op Op) {
	switch op {
	case Sum:
		for i, v := range src {
			dst[i] += v
		}
	case Min:
		for i, v := range src {
			dst[i] = min(dst[i], v)
		}
	case Max:
		for i, v := range src {
			dst[i] = max(dst[i], v)
		}
	}
}

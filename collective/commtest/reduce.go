package commtest

import (
	"fmt"

	"capmoe/collective"
)

var reduceRules = []rule{
	{"allreduce: int32", reduces[int32]},
	{"allreduce: int64", reduces[int64]},
	{"allreduce: uint32", reduces[uint32]},
	{"allreduce: uint64", reduces[uint64]},
	{"allreduce: float32", reduces[float32]},
	{"allreduce: float64", reduces[float64]},
	{"allreduce: a type made of float32", reduces[celsius]},
	{"allreduce: negative numbers keep their sign", signs[int64]},
	{"allreduce: negative floats keep their sign", signs[float32]},
}

type celsius float32

func reduces[T collective.Number](c collective.Communicator) error {
	for _, op := range []collective.Op{collective.Sum, collective.Min, collective.Max} {
		for _, n := range []int{0, 1, 37, 10000} {
			if err := collective.Agree(c, reduce[T](c, op, n)); err != nil {
				return err
			}
		}
	}
	return nil
}

// reduce uses numbers below 2^10, whose sums are exact in every type.
func reduce[T collective.Number](c collective.Communicator, op collective.Op, n int) error {
	value := func(rank, col int) T { return T(mark[uint32](rank, everyone, col) % 1024) }
	buf := guarded[T](n)
	want := make([]T, n)
	for col := range want {
		buf[col] = value(c.Rank(), col)
		want[col] = value(0, col)
		for rank := 1; rank < c.Size(); rank++ {
			want[col] = plain(op, want[col], value(rank, col))
		}
	}
	if err := collective.AllReduce(c, op, buf[:n]); err != nil {
		return err
	}
	if err := compare(buf, want); err != nil {
		return fmt.Errorf("%v: %w", op, err)
	}
	return nil
}

func plain[T collective.Number](op collective.Op, a, b T) T {
	switch op {
	case collective.Min:
		return min(a, b)
	case collective.Max:
		return max(a, b)
	default:
		return a + b
	}
}

// signs reduces -Rank-1 and Rank+1.
func signs[T int64 | float32](c collective.Communicator) error {
	size, mine := T(c.Size()), T(c.Rank()+1)
	for _, want := range []struct {
		op   collective.Op
		a, b T
	}{
		{collective.Min, -size, 1},
		{collective.Max, -1, size},
		{collective.Sum, -size * (size + 1) / 2, size * (size + 1) / 2},
	} {
		buf := []T{-mine, mine}
		err := collective.AllReduce(c, want.op, buf)
		if err == nil && (buf[0] != want.a || buf[1] != want.b) {
			err = fmt.Errorf("%v gives %v, want %v", want.op, buf, []T{want.a, want.b})
		}
		if err := collective.Agree(c, err); err != nil {
			return err
		}
	}
	return nil
}

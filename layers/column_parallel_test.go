package layers

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"capmoe/collective"
	"capmoe/layers/capacity"
	"capmoe/layers/kernel"
)

// productShapes are out and in features; with few panels, some ranks have no columns.
var productShapes = [][2]int{{300, 64}, {64, 300}, {5, 8}, {1, 40}, {513, 33}}

// sharedProducts holds products of a few steps with random rows on each rank, on some ranks none, against what a rank alone makes of its
// rows, bit by bit. nodes is where the ranks are; poor ones have no memory for rows.
func sharedProducts(c collective.Communicator, nodes []int32, poor bool) error {
	layout, err := capacity.NewLayout(capacity.Contiguous(c.Size(), c.Size()).ExpertRank, nodes)
	if err != nil {
		return err
	}
	p, err := newColumnParallel(c, layout)
	if err != nil {
		return err
	}
	if p.window != nil && poor {
		p.window = stingy{p.window}
	}
	r := rand.New(rand.NewPCG(70, 0))
	for _, dtype := range []kernel.DType{kernel.F32, kernel.BF16} {
		lib, err := kernel.New(kernel.Options{DType: dtype, Threads: 1 + c.Rank()%2})
		if err != nil {
			return err
		}
		var weights []kernel.Matrix
		for _, s := range productShapes {
			w, err := lib.Pack(normals(r, s[0]*s[1]), s[0], s[1])
			if err != nil {
				return err
			}
			defer w.Free()
			weights = append(weights, w)
		}
		for step := range 6 {
			if err := sameProducts(c, p, stepRows(r, step, nodes), weights, r); err != nil {
				return fmt.Errorf("rank %d, %v, step %d: %w", c.Rank(), dtype, step, err)
			}
		}
	}
	return nil
}

// stepRows is the rows of each rank in a step: none at all, those of one rank, about as many as may be shared, or too many.
func stepRows(r *rand.Rand, step int, nodes []int32) []int {
	rows := make([]int, len(nodes))
	for i := range rows {
		rows[i] = []int{0, 0, r.IntN(4), r.IntN(2 * mostShared / len(rows)), mostShared, 1}[step]
	}
	if step == 1 {
		rows[r.IntN(len(rows))] = mostShared
	}
	return rows
}

func sameProducts(c collective.Communicator, p *columnParallel, rows []int, weights []kernel.Matrix, r *rand.Rand) error {
	able := p.window != nil
	if err := p.open(rows[c.Rank()]); err != nil {
		return err
	}
	if all := p.first[p.mates()]; p.on != (able && 0 < all && all <= mostShared) {
		return fmt.Errorf("%d rows on %d ranks of the node: shared is %t", all, p.mates(), p.on)
	}
	for i, w := range weights {
		n, k := w.Dims()
		var dst, want []float32
		for rank, m := range rows {
			x := normals(r, m*k)
			if rank == c.Rank() {
				dst, want = make([]float32, m*n), make([]float32, m*n)
				w.MulTo(want, kernel.Values{F32: x}, m)
				p.mulTo(dst, x, m, w)
			}
		}
		if p.fault != nil {
			return p.fault
		}
		if at := firstDifference(dst, want); at >= 0 {
			return fmt.Errorf("rows %v: row %d, column %d of product %d is %v, %v on a rank alone", rows, at/n, at%n, i, dst[at], want[at])
		}
	}
	return nil
}

func normals(r *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

func TestSharedProductsHaveTheBitsOfARankAlone(t *testing.T) {
	maps := map[string][]int32{"one rank": {0}, "two ranks": {0, 0}, "seven ranks": make([]int32, 7)}
	for name, nodes := range nodeMaps {
		maps[name] = nodes
	}
	for name, nodes := range maps {
		for _, poor := range []bool{false, true} {
			err := collective.Run(len(nodes), collective.Options{}, func(c collective.Communicator) error {
				return sharedProducts(c, nodes, poor)
			})
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestProductsAreNotSharedWithoutSharedMemory(t *testing.T) {
	err := collective.Run(2, collective.Options{}, func(c collective.Communicator) error {
		return sharedProducts(unshared{c}, []int32{0, 0}, false)
	})
	if err != nil {
		t.Error(err)
	}
}

// alike prepares to share products of a 64×64 matrix among the ranks of one node, with two rows on rank 0.
func alike(c collective.Communicator) (p *columnParallel, w kernel.Matrix, err error) {
	if p, err = newColumnParallel(c, capacity.Contiguous(c.Size(), c.Size())); err != nil {
		return nil, nil, err
	}
	if w, err = kernel.Gonum().Pack(make([]float32, 64*64), 64, 64); err != nil {
		return nil, nil, err
	}
	return p, w, p.open(max(0, 2-2*c.Rank()))
}

func TestSharedProductsAllocateNothingOnceWarm(t *testing.T) {
	err := collective.Run(3, collective.Options{}, func(c collective.Communicator) error {
		p, w, err := alike(c)
		if err != nil {
			return err
		}
		m := max(0, 2-2*c.Rank())
		dst, x := make([]float32, m*64), make([]float32, m*64)
		step := func() {
			if err := p.open(m); err != nil {
				p.fault = err
			}
			p.mulTo(dst, x, m, w)
		}
		return errors.Join(allocatesNothing(c, step), p.fault)
	})
	if err != nil {
		t.Error(err)
	}
}

func TestARankThatDoesNotShareIsNamed(t *testing.T) {
	err := collective.Run(3, collective.Options{}, func(c collective.Communicator) error {
		p, w, err := alike(c)
		if err != nil || c.Rank() == 1 {
			return err
		}
		m := max(0, 2-2*c.Rank())
		p.mulTo(make([]float32, m*64), make([]float32, m*64), m, w)
		var fault *collective.Error
		if !errors.As(p.fault, &fault) || fault.Peer != 1 || !errors.Is(p.fault, collective.ErrLeft) {
			return fmt.Errorf("rank 1 has left, found is %v", p.fault)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

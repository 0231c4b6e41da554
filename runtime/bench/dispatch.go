package bench

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"capmoe/collective"
	"capmoe/layers"
	"capmoe/layers/capacity"
	"capmoe/layers/kernel"
	"capmoe/runtime"
)

// DispatchCase is a step of made tokens through one mixture.
type DispatchCase struct {
	Shape  Shape
	DType  kernel.DType // of experts' matrices, and so of rows on their way to them
	Tokens int          // T, over all ranks
}

// DispatchReport is what the way of a mixture's rows to their experts and back costs.
type DispatchReport struct {
	Shape     Shape   `json:"shape"`
	DType     string  `json:"dtype"`
	Tokens    int     `json:"tokens"`
	Ranks     int     `json:"ranks"`
	Bytes     []int64 `json:"bytes"`      // [P, P] of rows from every rank to every other
	BytesBack []int64 `json:"bytes_back"` // [P, P] of their outputs, from every rank to every other
	There     Sample  `json:"dispatch"`
	Back      Sample  `json:"combine"`
	Trip      Sample  `json:"round_trip"`
}

// Dispatch sends the rows of made tokens under skewed routing, dropless, to their experts and
// combines what comes back. Between the ways every rank changes the sign of its rows, which is not timed.
func Dispatch(p runtime.Process, dc DispatchCase, repeats int) (*DispatchReport, error) {
	r, err := newDispatchRun(p, dc)
	if err := collective.Agree(p.Comm, err); err != nil {
		return nil, err
	}
	report := &DispatchReport{Shape: dc.Shape, DType: dc.DType.String(), Tokens: dc.Tokens, Ranks: p.Comm.Size()}
	times := make([]int64, 0, 3*repeats)
	for turn := range repeats + 1 { // the first warms up
		there, back, err := r.once()
		if err != nil {
			return nil, err
		}
		if turn == 0 {
			if err := collective.Agree(p.Comm, r.verify()); err != nil {
				return nil, err
			}
			continue
		}
		times = append(times, int64(there), int64(back), int64(there+back))
	}
	if err := collective.Agree(p.Comm, r.verify()); err != nil {
		return nil, err
	}
	if err := collective.AllReduce(p.Comm, collective.Max, times); err != nil {
		return nil, err
	}
	for i, s := range []*Sample{&report.There, &report.Back, &report.Trip} {
		var column []int64
		for at := i; at < len(times); at += 3 {
			column = append(column, times[at])
		}
		*s, _ = sampleOf(column)
	}
	return report, report.count(p.Comm, r)
}

// count fills in what moves. Every output comes back over the way of its row.
func (report *DispatchReport) count(c collective.Communicator, r *dispatchRun) error {
	pairs := make([]int64, c.Size()*c.Size())
	if err := collective.AllGather(c, pairs, r.pairs); err != nil {
		return err
	}
	row, output := int64(r.dtype.Bytes()*r.hidden), int64(kernel.F32.Bytes()*r.hidden)
	report.Bytes, report.BytesBack = make([]int64, len(pairs)), make([]int64, len(pairs))
	for i, n := range pairs {
		from, to := i/c.Size(), i%c.Size()
		report.Bytes[i], report.BytesBack[to*c.Size()+from] = n*row, n*output
	}
	return nil
}

// dispatchRun is one rank's step.
type dispatchRun struct {
	comm   collective.Communicator
	dtype  kernel.DType
	hidden int
	way    *layers.Exchange
	plan   *capacity.Plan
	x, y   []float32 // [T_l, H]
	pairs  []int64   // [P] rows to every rank
}

func newDispatchRun(p runtime.Process, dc DispatchCase) (*dispatchRun, error) {
	shape := dc.Shape
	layout, err := p.Layout(shape.Experts)
	if err != nil {
		return nil, err
	}
	c := p.Comm
	cfg := layers.Config{Hidden: shape.Hidden, Layers: 1, MoE: layers.MoEConfig{Experts: shape.Experts, TopK: shape.TopK, Inner: shape.Inner}}
	planner, err := capacity.NewPlanner(c, capacity.Config{}, capacity.Model{Experts: shape.Experts, TopK: shape.TopK}, layout)
	if err != nil {
		return nil, err
	}
	r := &dispatchRun{comm: c, dtype: dc.DType, hidden: shape.Hidden, pairs: make([]int64, c.Size())}
	if r.way, err = layers.NewExchange(c, layers.Parts{Config: cfg, DType: dc.DType, Layout: layout}); err != nil {
		return nil, err
	}
	pc := PlanCase{Tokens: dc.Tokens, Experts: shape.Experts, TopK: shape.TopK}
	made, err := pc.made()
	if err != nil {
		return nil, err
	}
	if r.plan, err = planner.Plan(pc.step(made, c.Rank(), c.Size())); err != nil {
		return nil, err
	}
	for _, e := range r.plan.Expert {
		r.pairs[layout.ExpertRank[e]]++
	}
	local := len(r.plan.TokenIDs)
	r.x, r.y = make([]float32, local*shape.Hidden), make([]float32, local*shape.Hidden)
	own := rand.New(rand.NewPCG(13, uint64(c.Rank())))
	for i := range r.x {
		r.x[i] = own.Float32() - 0.5
	}
	return r, nil
}

// once is a step, each way from a barrier.
func (r *dispatchRun) once() (there, back time.Duration, err error) {
	if err := r.comm.Barrier(); err != nil {
		return 0, 0, err
	}
	start := time.Now()
	if err := r.way.Dispatch(r.plan, r.x); err != nil {
		return 0, 0, err
	}
	there = time.Since(start)
	r.way.Negate()
	if err := r.comm.Barrier(); err != nil {
		return 0, 0, err
	}
	start = time.Now()
	err = r.way.Combine(r.plan, r.y)
	return there, time.Since(start), err
}

// verify computes y again from what lies here.
func (r *dispatchRun) verify() error {
	h := r.hidden
	for t := range r.plan.TokenIDs {
		for j, v := range r.x[t*h : (t+1)*h] {
			if r.dtype == kernel.BF16 {
				v = kernel.RoundBF16(v)
			}
			want := float32(0)
			for i := r.plan.Offset[t]; i < r.plan.Offset[t+1]; i++ {
				want += float32(r.plan.Weight[i] * -v)
			}
			if got := r.y[t*h+j]; math.Float32bits(got) != math.Float32bits(want) {
				return fmt.Errorf("bench: dispatch: token %d, column %d: %v has come back, want %v", r.plan.TokenIDs[t], j, got, want)
			}
		}
	}
	return nil
}

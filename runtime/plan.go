package runtime

import (
	"errors"
	"fmt"

	"capmoe/collective"
	"capmoe/layers"
	"capmoe/layers/capacity"
	"capmoe/runtime/checkpoint"
)

// PlanJob plans the tokens of a score file, dealt to the ranks in blocks.
type PlanJob struct {
	Scores  ScoreFile
	TopK    int
	Routing Routing
	Class   string // tensor of uint8 priority classes [T] in the same file; "": all equal
	Out     string // safetensors file of the plan; "": none
}

// PlanReport is a Report with the loads of the one layer that was planned.
type PlanReport struct {
	Report
	ExpertLoadBefore []int64 `json:"expert_load_before"`
	ExpertLoadAfter  []int64 `json:"expert_load_after"`
	RankLoadBefore   []int64 `json:"rank_load_before"`
	RankLoadAfter    []int64 `json:"rank_load_after"`
}

// PlanScores plans a score file over all ranks and writes, on rank 0, experts int32
// [T, M] (-1: none; in order of score) and weights float32 [T, M]; M is K, or what
// Expanded's fullest token needs. All ranks call it; a fault of one fails on all.
func PlanScores(p Process, job PlanJob) (*PlanReport, error) {
	block, err := job.Scores.read(p.Comm.Rank(), p.Comm.Size())
	if err == nil && (job.TopK < 1 || job.TopK > block.experts) {
		err = fmt.Errorf("runtime: plan: top k %d, want 1 to the %d experts of %s", job.TopK, block.experts, job.Scores.Path)
	}
	var class []uint8
	if err == nil && job.Class != "" {
		class, err = job.readClass(block)
	}
	if err := collective.Agree(p.Comm, err); err != nil {
		return nil, err
	}
	weighting := job.Scores.apply(block, job.TopK)
	meter, plan, err := job.plan(p, block, weighting, class)
	if err != nil {
		return nil, err
	}
	if job.Out != "" {
		if err := job.write(p.Comm, block, plan); err != nil {
			return nil, err
		}
	}
	report, err := meter.report()
	if err != nil {
		return nil, err
	}
	l := report.Layers[0]
	return &PlanReport{*report, l.ExpertLoadBefore, l.ExpertLoadAfter, l.RankLoadBefore, l.RankLoadAfter}, nil
}

func (job PlanJob) plan(p Process, block scoreBlock, w capacity.Weighting, class []uint8) (*Meter, *capacity.Plan, error) {
	layout, err := p.Layout(block.experts)
	if err != nil {
		return nil, nil, err
	}
	model := capacity.Model{Experts: block.experts, TopK: job.TopK, Weighting: w}
	d, err := job.Routing.resolve(job.TopK)
	if err := collective.Agree(p.Comm, err); err != nil {
		return nil, nil, err
	}
	planner, err := capacity.NewPlanner(p.Comm, d.Policy, model, layout)
	if err := collective.Agree(p.Comm, err); err != nil {
		return nil, nil, err
	}
	cfg := layers.Config{Layers: 1, MoE: layers.MoEConfig{Experts: block.experts, TopK: job.TopK}}
	meter := newMeter(p, cfg, d, layout)
	meter.baseline = job.Routing.Baseline
	step := capacity.Step{Scores: block.scores, Class: class, Tokens: make([]int32, len(block.scores)/block.experts)}
	for i := range step.Tokens {
		step.Tokens[i] = int32(block.from + i)
	}
	hooks := meter.hooks()
	hooks.Enter(0, layers.Embed)
	hooks.Enter(0, layers.Plan)
	plan, err := planner.Plan(step)
	if err != nil {
		return nil, nil, err
	}
	meter.clock.stop()
	computed := 0
	for _, e := range layout.Owned(p.Comm.Rank()) {
		computed += int(plan.LoadAfter[e])
	}
	hooks.Planned(plan, block.scores, computed)
	return meter, plan, nil
}

func (job PlanJob) readClass(b scoreBlock) ([]uint8, error) {
	file, err := checkpoint.OpenFile(job.Scores.Path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	t, ok := file.Tensor(job.Class)
	if !ok {
		return nil, fmt.Errorf("runtime: scores %s: no tensor %q for the priority classes", job.Scores.Path, job.Class)
	}
	if t.DType != checkpoint.U8 {
		return nil, fmt.Errorf("runtime: scores %s: tensor %q is %s, priority classes are %s", job.Scores.Path, job.Class, t.DType, checkpoint.U8)
	}
	if err := t.Expect("tokens", b.tokens); err != nil {
		return nil, err
	}
	n := len(b.scores) / b.experts
	return append([]uint8{}, t.Data[b.from:b.from+n]...), nil
}

// write gathers the plan at rank 0, which writes it.
func (job PlanJob) write(c collective.Communicator, b scoreBlock, plan *capacity.Plan) error {
	width := []int64{int64(job.TopK)}
	for t := range len(plan.Offset) - 1 {
		kept, _ := plan.Computed(t)
		width[0] = max(width[0], int64(len(kept)))
	}
	if err := collective.AllReduce(c, collective.Max, width); err != nil {
		return err
	}
	m := int(width[0])
	experts, weights := padded(plan, m)
	counts := make([]int, c.Size())
	for r := range counts {
		counts[r] = m * ((r+1)*b.tokens/c.Size() - r*b.tokens/c.Size())
	}
	allExperts, err := Gather(c, experts, counts)
	allWeights, err2 := Gather(c, weights, counts)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	if c.Rank() == 0 {
		err = job.save(allExperts, allWeights, b.tokens, m)
	}
	return collective.Agree(c, err)
}

// padded lays the plan's computed pairs out in rows of m.
func padded(plan *capacity.Plan, m int) (experts []int32, weights []float32) {
	n := len(plan.Offset) - 1
	experts, weights = make([]int32, n*m), make([]float32, n*m)
	for t := range n {
		row := experts[t*m : (t+1)*m]
		kept, weight := plan.Computed(t)
		k := copy(row, kept)
		copy(weights[t*m:], weight)
		for i := k; i < m; i++ {
			row[i] = -1
		}
	}
	return experts, weights
}

func (job PlanJob) save(experts []int32, weights []float32, tokens, m int) error {
	w, err := checkpoint.Create(job.Out, nil, []checkpoint.Spec{
		{Name: "experts", DType: checkpoint.I32, Shape: []int{tokens, m}},
		{Name: "weights", DType: checkpoint.F32, Shape: []int{tokens, m}},
	})
	if err != nil {
		return err
	}
	defer w.Abort()
	if err := w.AppendInt32("experts", experts); err != nil {
		return err
	}
	if err := w.AppendFloat32("weights", weights); err != nil {
		return err
	}
	return w.Close()
}

package runtime

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"capmoe/collective"
	"capmoe/collective/commtest"
	"capmoe/layers"
	"capmoe/layers/capacity"
	"capmoe/layers/kernel"
)

// Finding is one thing that was looked at.
type Finding struct {
	What string `json:"what"`
	OK   bool   `json:"ok"`
	Text string `json:"text"`          // what was seen
	Fix  string `json:"fix,omitempty"` // what to do where it is not ok
}

// Examine looks at what a run stands on: the ranks' communication, the kernels, the
// mixture against its reference, cores and memory. All ranks call it; the findings
// are the same on each.
func Examine(p Process) ([]Finding, error) {
	findings := []Finding{examineHosts(p)}
	for _, exam := range []struct {
		what, good, fix string
		run             func(Process) error
	}{
		{"collectives", "every rule of the conformance suite holds", "the MPI installation is broken or mixed: check mpirun --version and ldd of capmoe on every host", func(p Process) error { return commtest.Check(p.Comm) }},
		{"kernels", "products agree with plain loops; rows do not depend on their batch", "rebuild on this machine, or build with TAGS=noonednn", examineKernels},
		{"mixture", "dispatch, experts and combine agree with the reference under every policy", "report this with the line above: a run here would be wrong", examineMixture},
	} {
		f := Finding{What: exam.what, OK: true, Text: exam.good}
		if err := collective.Agree(p.Comm, exam.run(p)); err != nil {
			f = Finding{What: exam.what, Text: err.Error(), Fix: exam.fix}
		}
		findings = append(findings, f)
	}
	resources, err := examineResources(p)
	return append(findings, resources...), err
}

// mostHosts bounds the hosts that a line names one by one.
const mostHosts = 16

func examineHosts(p Process) Finding {
	hosts := slices.Compact(slices.Sorted(slices.Values(p.Hosts)))
	unit := "host"
	if len(hosts) > 1 {
		unit = "hosts"
	}
	names := strings.Join(hosts[:min(len(hosts), mostHosts)], " ")
	if more := len(hosts) - mostHosts; more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	return Finding{What: "ranks", OK: true, Text: fmt.Sprintf("%d on %d %s: %s", len(p.Hosts), len(hosts), unit, names)}
}

func examineKernels(p Process) error {
	lib, err := kernel.New(kernel.Options{Threads: p.Threads})
	if err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(1, 2))
	const m, n, k = 37, 96, 200
	w, x := normal(r, n*k), normal(r, m*k)
	matrix, err := lib.Pack(w, n, k)
	if err != nil {
		return err
	}
	defer matrix.Free()
	got, one := make([]float32, m*n), make([]float32, n)
	matrix.MulTo(got, kernel.Values{F32: x}, m)
	for i := range m {
		matrix.MulTo(one, kernel.Values{F32: x[i*k : (i+1)*k]}, 1)
		for j := range n {
			want := 0.0
			for l := range k {
				want += float64(x[i*k+l]) * float64(w[j*k+l])
			}
			if v := got[i*n+j]; math.Abs(float64(v)-want) > 1e-3 || v != one[j] {
				return fmt.Errorf("runtime: %s: row %d, column %d of a product of %d×%d×%d is %v, alone %v, in plain loops %v", lib.Name(), i, j, m, n, k, v, one[j], want)
			}
		}
	}
	return nil
}

// examineMixture runs a small random mixture over all ranks, with at least an expert
// each, and compares every token with layers.Reference.
func examineMixture(p Process) error {
	ranks := p.Comm.Size()
	cfg := layers.Config{Hidden: 32, MoE: layers.MoEConfig{Experts: 2 * ranks, TopK: 2, Inner: 16}}
	ref := randomReference(cfg)
	layout, err := p.Layout(cfg.MoE.Experts)
	if err != nil {
		return err
	}
	lib, err := kernel.New(kernel.Options{Threads: p.Threads})
	if err != nil {
		return err
	}
	weights, err := packMixture(lib, ref, layout.Owned(p.Comm.Rank()))
	if err != nil {
		return err
	}
	for _, policy := range []capacity.Config{
		{},
		{Policy: capacity.Drop, Expert: capacity.Times(1)},
		{Policy: capacity.Reroute, Expert: capacity.Times(1)},
		{Policy: capacity.Expanded, Expert: capacity.Times(1)},
	} {
		if err := compareMixture(p, cfg, policy, layout, ref, weights); err != nil {
			return fmt.Errorf("policy %v: %w", policy.Policy, err)
		}
	}
	return nil
}

func compareMixture(p Process, cfg layers.Config, policy capacity.Config, l capacity.Layout, ref layers.Reference, w *layers.BlockWeights) error {
	const tokens = 16 // of every rank
	var fault error
	x := normal(rand.New(rand.NewPCG(3, uint64(p.Comm.Rank()))), tokens*cfg.Hidden)
	y := make([]float32, len(x))
	ids := make([]int32, tokens)
	for t := range ids {
		ids[t] = int32(p.Comm.Rank()*tokens + t)
	}
	hooks := &layers.Hooks{Planned: func(plan *capacity.Plan, _ []float32, _ int) {
		for t := range ids {
			from, to := plan.Offset[t], plan.Offset[t+1]
			want := ref.Mix(x[t*cfg.Hidden:(t+1)*cfg.Hidden], plan.Expert[from:to], plan.Weight[from:to])
			for j, v := range want {
				if got := y[t*cfg.Hidden+j]; fault == nil && !(math.Abs(float64(got-v)) <= 1e-4) {
					fault = fmt.Errorf("runtime: mixture: token %d, column %d is %v, reference %v", ids[t], j, got, v)
				}
			}
		}
	}}
	moe, err := layers.NewMoE(p.Comm, layers.Parts{Config: cfg, Policy: policy, Layout: l, Hooks: hooks})
	if err != nil {
		return err
	}
	if err := moe.Forward(y, x, w, 0, ids); err != nil {
		return err
	}
	return fault
}

func randomReference(cfg layers.Config) layers.Reference {
	r := rand.New(rand.NewPCG(5, 6))
	h, f := cfg.Hidden, cfg.MoE.Inner
	ref := layers.Reference{Hidden: h, Inner: f, Router: normal(r, cfg.MoE.Experts*h)}
	for range cfg.MoE.Experts {
		ref.Experts = append(ref.Experts, layers.ReferenceExpert{Gate: normal(r, f*h), Up: normal(r, f*h), Down: normal(r, h*f)})
	}
	return ref
}

func packMixture(lib kernel.Library, ref layers.Reference, owned []int) (*layers.BlockWeights, error) {
	w := &layers.BlockWeights{}
	var err error
	if w.Router, err = lib.Pack(ref.Router, len(ref.Experts), ref.Hidden); err != nil {
		return nil, err
	}
	for _, e := range owned {
		var x layers.ExpertWeights
		if x.GateUp, err = lib.Pack(slices.Concat(ref.Experts[e].Gate, ref.Experts[e].Up), 2*ref.Inner, ref.Hidden); err != nil {
			return nil, err
		}
		if x.Down, err = lib.Pack(ref.Experts[e].Down, ref.Hidden, ref.Inner); err != nil {
			return nil, err
		}
		w.Experts = append(w.Experts, x)
	}
	return w, nil
}

func normal(r *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(0.3 * r.NormFloat64())
	}
	return v
}

// examineResources reports the poorest rank's threads and memory.
func examineResources(p Process) ([]Finding, error) {
	least := []int64{int64(p.Threads), AvailableMemory()}
	if err := collective.AllReduce(p.Comm, collective.Min, least); err != nil {
		return nil, err
	}
	perNode := map[string]int{}
	crowd := 0
	for _, h := range p.Hosts {
		perNode[h]++
		crowd = max(crowd, perNode[h])
	}
	cores := Finding{What: "cores", OK: !p.Crowded(), Text: fmt.Sprintf("%d ranks on the fullest host, %d compute threads each", crowd, least[0])}
	if p.Crowded() {
		cores.Fix = "more ranks than cores: fine for correctness; for speed start fewer ranks or use more hosts"
	}
	memory := Finding{What: "memory", OK: true, Text: fmt.Sprintf("%.1f GiB available on the poorest host", float64(least[1])/(1<<30))}
	return []Finding{cores, memory}, nil
}

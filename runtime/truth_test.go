//go:build truth

package runtime

import (
	"fmt"
	"math/rand/v2"
	goruntime "runtime"
	"slices"
	"testing"
	"time"

	"capmoe/collective"
	"capmoe/collective/commtest"
	"capmoe/layers"
	"capmoe/layers/kernel"
	"capmoe/runtime/attribution"

	"golang.org/x/sys/unix"
)

// fault makes one rank of a run slow on purpose.
type fault struct {
	what   string
	causes []attribution.Cause // any of which names it
	late   time.Duration       // before every operation
	factor float64             // of the time of phases that compute; 0: as they are
	bias   float32             // of the logits of one of its experts
	nice   int                 // of its thread: others on its core come first
	core   int                 // with nice: that all ranks stay on
}

var faults = []fault{
	{what: "late to exchanges", causes: []attribution.Cause{attribution.ArrivalSkew}, late: 200 * time.Microsecond},
	{what: "slower hardware", causes: []attribution.Cause{attribution.SlowerHardware}, factor: 1.5},
	{what: "a hot expert", causes: []attribution.Cause{attribution.TokenImbalance}, bias: 0.7},
}

// The runs that are made of every fault, and how many of them must name it.
const (
	truthRuns = 20
	mustName  = 19
	truthSize = 4 // ranks
)

// named tells whether the finding of a run with the culprit names it and what it has.
// All ranks call it.
func (f fault) named(p Process, culprit int) (string, bool, error) {
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	if f.late > 0 {
		p.Comm = commtest.Slow(p.Comm, culprit, f.late)
	}
	found, err := f.measure(p, culprit)
	if err != nil {
		return "", false, err
	}
	right := found.Slowest == culprit && slices.Contains(f.causes, found.Cause)
	if f.bias > 0 {
		right = right && found.Layer != nil && found.Expert != nil && *found.Expert == hotExpert(culprit)
	}
	return found.String(), right, nil
}

// hotExpert is the one of a rank's two experts that the bias is for.
func hotExpert(rank int) int { return 2*rank + rank%2 }

// measure runs a small mixture over the ranks, a few steps of it.
func (f fault) measure(p Process, culprit int) (*attribution.Finding, error) {
	tokens, steps := 96, 20 // tokens of every rank
	if f.nice > 0 {
		tokens, steps = 1536, 2 // phases of several of a scheduler's slices
	}
	cfg := layers.Config{Hidden: 128, Layers: 2, MoE: layers.MoEConfig{Experts: 2 * p.Comm.Size(), TopK: 2, Inner: 128}}
	ref := randomReference(cfg)
	for e := range cfg.MoE.Experts {
		ref.Router[e*cfg.Hidden] = 0
	}
	ref.Router[hotExpert(culprit)*cfg.Hidden] = f.bias
	layout, err := p.Layout(cfg.MoE.Experts)
	if err != nil {
		return nil, err
	}
	lib, err := kernel.New(kernel.Options{Threads: p.Threads})
	if err != nil {
		return nil, err
	}
	weights, err := packMixture(lib, ref, layout.Owned(p.Comm.Rank()))
	if err != nil {
		return nil, err
	}
	m := newMeter(p, cfg, layers.Dialect{}, layout)
	hooks := m.hooks()
	if f.factor > 0 && p.Comm.Rank() == culprit {
		hooks = slowed(hooks, f.factor)
	}
	moe, err := layers.NewMoE(p.Comm, layers.Parts{Config: cfg, Layout: layout, Hooks: hooks})
	if err != nil {
		return nil, err
	}
	x, y, ids := f.tokens(p.Comm.Rank(), tokens, cfg.Hidden)
	if f.nice > 0 {
		if err := stay(0, f.core); err != nil {
			return nil, err
		}
	}
	if f.nice > 0 && p.Comm.Rank() == culprit {
		if err := unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), f.nice); err != nil {
			return nil, err
		}
	}
	for range steps {
		hooks.Enter(0, layers.Embed)
		for layer := range cfg.Layers {
			if err := moe.Forward(y, x, weights, layer, ids); err != nil {
				return nil, err
			}
		}
		m.clock.stop()
	}
	r, err := m.report()
	if err != nil {
		return nil, err
	}
	return r.Attribution, nil
}

// tokens are n of a rank, random but for column 0, which meets the bias.
func (f fault) tokens(rank, n, hidden int) (x, y []float32, ids []int32) {
	x, y = normal(rand.New(rand.NewPCG(13, uint64(rank))), n*hidden), make([]float32, n*hidden)
	for t := range n {
		x[t*hidden] = 1
		ids = append(ids, int32(rank*n+t))
	}
	return x, y, ids
}

// slowed is the hooks of a rank that takes factor times as long for phases that compute.
func slowed(h *layers.Hooks, factor float64) *layers.Hooks {
	running, since := layers.Embed, threadCPU()
	return &layers.Hooks{
		Planned: h.Planned,
		Enter: func(layer int, p layers.Phase) {
			if !slices.Contains([]layers.Phase{layers.Plan, layers.Dispatch, layers.Combine}, running) {
				burn(time.Duration((factor - 1) * float64(threadCPU()-since)))
			}
			h.Enter(layer, p)
			running, since = p, threadCPU()
		},
	}
}

// namings makes the runs of a fault, each with another culprit, and counts those that
// name it. All ranks call it.
func (f fault) namings(p Process) (right int, wrong []string, err error) {
	for run := range truthRuns {
		culprit := (run*3 + 1) % p.Comm.Size()
		text, named, err := f.named(p, culprit)
		if err != nil {
			return 0, nil, err
		}
		if named {
			right++
		} else {
			wrong = append(wrong, fmt.Sprintf("culprit %d: %s", culprit, text))
		}
	}
	return right, wrong, nil
}

// A rank that is slowed on purpose is found, and what slows it.
func TestTheCulpritIsNamed(t *testing.T) {
	for _, f := range faults {
		t.Run(f.what, func(t *testing.T) {
			err := collective.Run(truthSize, collective.Options{}, func(c collective.Communicator) error {
				p := Process{Comm: c, Hosts: slices.Repeat([]string{"host"}, truthSize), Threads: 1, Turns: 2}
				right, wrong, err := f.namings(p)
				if c.Rank() == 0 && err == nil {
					t.Logf("%s: %d of %d", f.what, right, truthRuns)
					if right < mustName {
						t.Errorf("want %d or more:\n%s", mustName, wrong)
					}
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

package runtime

import (
	"math"
	"time"

	"capmoe/collective"
	"capmoe/layers"
	"capmoe/layers/capacity"
	"capmoe/runtime/attribution"
)

// Report is what every run says about itself. The JSON names are the same in every
// command.
type Report struct {
	Model           string   `json:"model,omitempty"`
	Kernels         string   `json:"kernels,omitempty"`
	DType           string   `json:"dtype,omitempty"`
	Baseline        string   `json:"baseline,omitempty"`
	Wire            string   `json:"token_dispatcher_type"`
	Policy          string   `json:"policy"`
	Order           string   `json:"token_drop_policy"`
	Scope           string   `json:"capacity_scope"`
	Factor          *float64 `json:"capacity_factor"` // of an expert; null: no bound
	RankFactor      *float64 `json:"rank_capacity_factor,omitempty"`
	NodeFactor      *float64 `json:"node_capacity_factor,omitempty"`
	Ranks           int      `json:"ranks"`
	Nodes           int      `json:"nodes"`
	Steps           int      `json:"steps"`
	SharedSteps     int      `json:"column_parallel_steps"` // of Steps: those in which the ranks of rank 0's node shared the products of dense matrices
	Tokens          int64    `json:"tokens"`                // that went through the model
	Capacity        *int     `json:"capacity"`
	EffectiveFactor *float64 `json:"effective_factor"`
	Rounds          int      `json:"rounds"`
	Counts
	// Imbalance is max/mean load: the mean over steps and layers.
	ExpertImbalanceBefore float64 `json:"expert_load_max_over_mean_before"`
	ExpertImbalanceAfter  float64 `json:"expert_load_max_over_mean_after"`
	RankImbalanceBefore   float64 `json:"rank_load_max_over_mean_before"`
	RankImbalanceAfter    float64 `json:"rank_load_max_over_mean_after"`
	// Seconds of each phase on the critical path: Σ over steps and layers of the
	// largest CPU time of any rank, which dedicated cores would show.
	Seconds      map[string]float64 `json:"seconds"`
	CriticalPath float64            `json:"critical_path_seconds"`
	MoESeconds   float64            `json:"moe_layer_seconds"` // the mixture's part of CriticalPath
	Wall         float64            `json:"wall_seconds"`      // of the steps, slowest rank
	Bytes        Traffic            `json:"bytes_sent"`
	// Overlap is in how many chunks rows travelled between nodes, by the size of steps; none on one node.
	Overlap     []layers.OverlapChoice `json:"a2a_ffn_overlap,omitempty"`
	Layers      []LayerReport          `json:"layers"`
	RankSeconds []RankSeconds          `json:"rank_seconds"`
	// Attribution is which rank was the slowest, and why; null for one rank.
	Attribution *attribution.Finding `json:"attribution"`
}

// RankSeconds are one rank's own clocks, by phase.
type RankSeconds struct {
	Rank int                `json:"rank"`
	Host string             `json:"host"`
	CPU  map[string]float64 `json:"cpu"`
	Wall map[string]float64 `json:"wall"` // waiting for other ranks included
}

// Counts are what became of the pairs.
type Counts struct {
	Routed              int64   `json:"routed"`
	Extra               int64   `json:"extra"`
	Kept                int64   `json:"kept"`
	Rerouted            int64   `json:"rerouted"`
	Dropped             int64   `json:"dropped"`
	TokensWithoutExpert int64   `json:"tokens_without_expert"`
	GateMassLost        float64 `json:"gate_mass_lost"`
}

// Traffic is bytes of rows sent, there and back, by how far they go.
type Traffic struct {
	SameRank  int64 `json:"same_rank"`
	SameNode  int64 `json:"same_node"`
	OtherNode int64 `json:"other_node"`
}

// LayerReport is the part of one layer with experts in a Report; loads are sums over
// the steps.
type LayerReport struct {
	Layer                 int      `json:"layer"`
	Capacity              *int     `json:"capacity"`
	EffectiveFactor       *float64 `json:"effective_factor"`
	Rounds                int      `json:"rounds"`
	Counts                         // of the layer
	ExpertLoadBefore      []int64  `json:"expert_load_before"`
	ExpertLoadAfter       []int64  `json:"expert_load_after"`
	RankLoadBefore        []int64  `json:"rank_load_before"`
	RankLoadAfter         []int64  `json:"rank_load_after"`
	ExpertImbalanceBefore float64  `json:"expert_load_max_over_mean_before"`
	ExpertImbalanceAfter  float64  `json:"expert_load_max_over_mean_after"`
	RankImbalanceBefore   float64  `json:"rank_load_max_over_mean_before"`
	RankImbalanceAfter    float64  `json:"rank_load_max_over_mean_after"`
	Bytes                 Traffic  `json:"bytes_sent"`
}

func countsOf(l capacity.Ledger) Counts {
	return Counts{
		Routed: l.Routed, Extra: l.Extra, Kept: l.Kept, Rerouted: l.Rerouted, Dropped: l.Dropped,
		TokensWithoutExpert: l.TokensWithoutExpert, GateMassLost: l.GateMassLost(),
	}
}

// Report puts the run's numbers together over all ranks, which call it together.
func (e *Engine) Report() (*Report, error) {
	r, err := e.meter.report()
	if err != nil {
		return nil, err
	}
	r.Model, r.Kernels, r.DType = e.dir, e.kernels.Name(), e.opts.DType.String()
	r.Overlap = e.model.Overlap()
	_, r.SharedSteps = e.model.Shared()
	return r, nil
}

// report puts the meters of all ranks together; they call it together.
func (m *Meter) report() (*Report, error) {
	m.clock.stop()
	r := &Report{
		Baseline: m.baseline, Wire: m.Wire.String(),
		Policy: m.Policy.Policy.String(), Order: m.Policy.Order.String(), Scope: m.Policy.Scope.String(),
		Ranks: m.layout.Ranks(), Nodes: m.layout.Nodes(), Steps: m.steps,
	}
	if p := m.Policy; p.Policy != capacity.Dropless {
		r.Factor, r.RankFactor, r.NodeFactor = factorOf(p.Expert), factorOf(p.Rank), factorOf(p.Node)
	}
	if err := m.fillLayers(r); err != nil {
		return nil, err
	}
	if err := m.fillTimes(r); err != nil {
		return nil, err
	}
	return r, m.fillRanks(r)
}

// factorOf is a budget's factor; nil: no bound.
func factorOf(f capacity.Factor) *float64 {
	if gamma, set := f.Gamma(); set {
		return &gamma
	}
	return nil
}

func (m *Meter) fillLayers(r *Report) error {
	var total capacity.Ledger
	mixtures := len(m.layers) - len(m.dense.Layers)
	for i := range m.layers {
		if m.dense.At(i) {
			continue
		}
		l := &m.layers[i]
		counts := append(l.ledger.Counts(), l.bytes[:]...)
		if err := collective.AllReduce(m.comm, collective.Sum, counts); err != nil {
			return err
		}
		ledger := capacity.LedgerOf(counts)
		bytes := counts[len(counts)-int(levels):]
		total.Add(ledger)
		steps := float64(max(1, m.steps))
		if err := m.foldLoads(l); err != nil {
			return err
		}
		lr := LayerReport{
			Layer: i, Rounds: l.rounds, Counts: countsOf(ledger),
			ExpertLoadBefore: l.before, ExpertLoadAfter: l.after,
			RankLoadBefore: m.layout.RankLoads(l.before), RankLoadAfter: l.rankLoads,
			ExpertImbalanceBefore: l.expertBefore / steps, ExpertImbalanceAfter: l.expertAfter / steps,
			RankImbalanceBefore: l.rankBefore / steps, RankImbalanceAfter: l.rankAfter / steps,
			Bytes: Traffic{bytes[sameRank], bytes[sameNode], bytes[otherNode]},
		}
		if l.bounded > 0 {
			factor := l.room / float64(l.bounded)
			lr.Capacity, lr.EffectiveFactor = &l.capacity, &factor
		}
		r.Layers = append(r.Layers, lr)
		r.add(lr, float64(mixtures))
	}
	r.Tokens = total.Tokens / int64(max(1, mixtures))
	r.Counts = countsOf(total)
	return nil
}

// add takes a layer's part into the totals.
func (r *Report) add(l LayerReport, layers float64) {
	r.Rounds = max(r.Rounds, l.Rounds)
	r.ExpertImbalanceBefore += l.ExpertImbalanceBefore / layers
	r.ExpertImbalanceAfter += l.ExpertImbalanceAfter / layers
	r.RankImbalanceBefore += l.RankImbalanceBefore / layers
	r.RankImbalanceAfter += l.RankImbalanceAfter / layers
	r.Bytes.SameRank += l.Bytes.SameRank
	r.Bytes.SameNode += l.Bytes.SameNode
	r.Bytes.OtherNode += l.Bytes.OtherNode
	if l.Capacity != nil {
		r.Capacity, r.EffectiveFactor = l.Capacity, l.EffectiveFactor
	}
}

func (m *Meter) fillTimes(r *Report) error {
	if err := m.foldTimes(); err != nil {
		return err
	}
	wall := []int64{total(m.sums.wall)}
	if err := collective.AllReduce(m.comm, collective.Max, wall); err != nil {
		return err
	}
	r.Seconds = map[string]float64{}
	for p, d := range byPhase(m.slowest) {
		phase := layers.Phase(p)
		r.Seconds[phase.String()] = seconds(d)
		r.CriticalPath += d.Seconds()
	}
	r.CriticalPath, r.MoESeconds = seconds(time.Duration(r.CriticalPath*1e9)), seconds(m.mixtureTime(m.slowest))
	r.Wall = seconds(time.Duration(wall[0]))
	return nil
}

// mixtureTime adds up the cells of the mixtures: what their phases took, in layers that
// are not dense.
func (m *Meter) mixtureTime(cells []int64) (sum time.Duration) {
	for i, ns := range cells {
		layer, phase := i/int(layers.Phases)%len(m.layers), layers.Phase(i%int(layers.Phases))
		if phase.InMoE() && !m.dense.At(layer) {
			sum += time.Duration(ns)
		}
	}
	return sum
}

// seconds rounds to microseconds, the resolution of the clocks.
func seconds(d time.Duration) float64 {
	return math.Round(d.Seconds()*1e6) / 1e6
}

package trace

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"capmoe/layers/capacity"
)

// Kind is how the experts of made routing are loaded.
type Kind uint8

// The kinds of made routing. A token's scores come from the seed, the layer and the
// token's global id alone, but for the three kinds that are about ranks.
const (
	Uniform         Kind = iota // every expert as popular as the others
	Zipf                        // the i-th most popular expert is first choice of a share ∝ i^-S of the tokens
	Skewed                      // popularity as of a trained router: at top 8 of 64 the busiest gets three to six times the mean
	HotExpert                   // one expert of every layer is the first choice of all tokens
	HotRank                     // the experts of one rank are four times as popular as the others
	Rotating                    // as HotExpert, of another expert in every step
	Burst                       // every fourth step or so, half of its tokens choose the same K experts
	Ragged                      // uniform, and ranks have very different numbers of tokens
	ZeroLoad                    // no token chooses an expert of one half of the ranks
	Balanced                    // in every step every expert gets exactly as many pairs as the others
	BalancedSources             // as Balanced, from every rank, and for every rank
	drawn                       // as recorded counts have it
)

var kindNames = []string{
	"uniform", "zipf", "skewed", "hot-expert", "hot-rank", "rotating", "burst", "ragged", "zero-load", "balanced", "balanced-sources", "drawn",
}

func (k Kind) String() string { return kindNames[k] }

// KindNames lists the kinds as a command line names them.
func KindNames() []string {
	names := slices.Clone(kindNames[:drawn])
	names[Zipf] = "zipf:S"
	return names
}

// Synthetic is made routing.
type Synthetic struct {
	Kind       Kind
	Exponent   float64 // S of Zipf
	Experts    int     // E
	TopK       int     // K
	Layers     int
	Steps      int
	StepTokens int // T
	Ranks      int // P, for the kinds that are about ranks; experts lie in blocks
	Seed       uint64
	loads      *Loads // what drawn is drawn from
}

// ParseKind reads a kind's name, and the exponent of zipf:S, 1 unless it is given.
func (s *Synthetic) ParseKind(name string) error {
	kind, exponent, given := strings.Cut(name, ":")
	i := slices.Index(kindNames[:drawn], kind)
	if i < 0 || given && Kind(i) != Zipf {
		return fmt.Errorf("trace: unknown synthetic routing %q, want one of %s", name, strings.Join(KindNames(), ", "))
	}
	s.Kind, s.Exponent = Kind(i), 1
	if !given {
		return nil
	}
	v, err := strconv.ParseFloat(exponent, 64)
	if err != nil || !(v >= 0 && v <= 100) {
		return fmt.Errorf("trace: synthetic routing %q: exponent %q, want 0 to 100", name, exponent)
	}
	s.Exponent = v
	return nil
}

// String is the kind as ParseKind reads it.
func (s Synthetic) String() string {
	if s.Kind == Zipf {
		return fmt.Sprintf("%v:%g", s.Kind, s.Exponent)
	}
	return s.Kind.String()
}

// Validate reports every fault.
func (s Synthetic) Validate() error {
	var faults []error
	for _, f := range []struct {
		what      string
		n, lo, hi int
	}{
		{"experts", s.Experts, 1, MaxExperts},
		{"top k", s.TopK, 1, max(1, s.Experts)},
		{"layers", s.Layers, 1, MaxLayers},
		{"steps", s.Steps, 1, math.MaxInt32},
		{"step tokens", s.StepTokens, 1, capacity.MaxTokens},
		{"ranks", s.Ranks, 1, math.MaxInt32},
	} {
		if f.n < f.lo || f.n > f.hi {
			faults = append(faults, fmt.Errorf("trace: synthetic: %s %d, want %d to %d", f.what, f.n, f.lo, f.hi))
		}
	}
	if len(faults) == 0 {
		faults = append(faults, s.fits())
	}
	return errors.Join(faults...)
}

// fits fails where a kind cannot be what it says.
func (s Synthetic) fits() error {
	fault := func(what string, n int) error {
		return fmt.Errorf("trace: synthetic %v: %s: %d, not a multiple of the %d experts", s.Kind, what, n, s.Experts)
	}
	switch {
	case (s.Kind == Balanced || s.Kind == BalancedSources) && s.StepTokens*s.TopK%s.Experts != 0:
		return fault("pairs of a step, tokens × top k", s.StepTokens*s.TopK)
	case s.Kind == BalancedSources && (s.StepTokens%s.Ranks != 0 || s.Experts%s.Ranks != 0):
		return fmt.Errorf("trace: synthetic %v: %d tokens of a step and %d experts, not multiples of the %d ranks", s.Kind, s.StepTokens, s.Experts, s.Ranks)
	case s.Kind == BalancedSources && s.StepTokens/s.Ranks*s.TopK%s.Experts != 0:
		return fault("pairs of a rank's tokens in a step", s.StepTokens/s.Ranks*s.TopK)
	case s.Kind == ZeroLoad && s.loadedExperts() < s.TopK:
		return fmt.Errorf("trace: synthetic %v: %d experts on the ranks with load, top k is %d", s.Kind, s.loadedExperts(), s.TopK)
	}
	return nil
}

// Stream makes the routing as it is asked for.
func (s Synthetic) Stream() (Stream, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	m := &made{Synthetic: s}
	for i := range s.Layers {
		m.info.Layers = append(m.info.Layers, i)
	}
	m.info = Info{
		Experts: s.Experts, TopK: s.TopK, Recorded: s.Experts, Layers: m.info.Layers, Stepped: true,
		Origin: fmt.Sprintf("synthetic %v, seed %d", s, s.Seed),
	}
	if s.loads != nil {
		m.info.Layers, m.info.Model = s.loads.Layers, s.loads.Model
		m.info.Origin = fmt.Sprintf("tokens drawn with the loads of %s, seed %d", s.loads.name(), s.Seed)
	}
	for i := range m.info.Layers {
		m.layers = append(m.layers, m.popularity(i))
	}
	return m, nil
}

// made is a stream of made routing.
type made struct {
	Synthetic
	info   Info
	layers []popularity
	step   int
	scorer scorer
}

func (m *made) Info() Info   { return m.info }
func (m *made) Close() error { return nil }

// Total implements Sized.
func (m *made) Total() int { return m.Steps * m.StepTokens }

func (m *made) Next() (Step, error) {
	if m.step == m.Steps {
		return Step{}, io.EOF
	}
	s := Step{Number: m.step, First: m.step * m.StepTokens, Tokens: m.StepTokens}
	s.rows = func(dst []float32, i, from, to int) {
		for t := from; t < to; t++ {
			m.token(dst[(t-from)*m.Experts:(t-from+1)*m.Experts], i, s, t)
		}
	}
	if m.Kind == Ragged {
		s.share = m.ragged
	}
	m.step++
	return s, nil
}

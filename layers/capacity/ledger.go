package capacity

import (
	"fmt"
	"math"
)

// Ledger counts what became of the pairs of one rank's tokens. Ledgers add up over
// layers, steps and ranks in any order, because they hold integers only.
type Ledger struct {
	Tokens              int64
	Routed              int64 // pairs of the tokens' top K
	Extra               int64 // kept pairs that Expanded added to them
	Kept                int64 // computed pairs, rerouted and extra ones among them
	Rerouted            int64 // kept pairs that stand for a refused one
	Dropped             int64 // refused pairs that found no substitute
	TokensWithoutExpert int64
	Mass                Mass // Σ weights of the top K
	MassLost            Mass // Σ weights of the dropped pairs
}

// Mass is a sum of weights: Whole + Parts · 2⁻³². Parts is below 2³² once it is carried,
// so that equal sums are equal values, and a run of any length has room.
type Mass struct {
	Whole, Parts int64
}

const massParts = 1 << 32

func massOf(weight float32) Mass {
	whole := math.Floor(float64(weight))
	return Mass{int64(whole), int64((float64(weight) - whole) * massParts)}
}

func (m *Mass) add(other Mass) {
	m.Whole += other.Whole
	m.Parts += other.Parts
	m.carry()
}

func (m *Mass) carry() {
	m.Whole += m.Parts / massParts
	m.Parts %= massParts
}

func (m Mass) float() float64 { return float64(m.Whole)*massParts + float64(m.Parts) }

// GateMassLost is Σ weights of the dropped pairs / Σ all weights, 0 to 1.
func (l Ledger) GateMassLost() float64 {
	if l.Mass == (Mass{}) {
		return 0
	}
	return l.MassLost.float() / l.Mass.float()
}

// fields are the ledger's counts in the order of its declaration.
func (l *Ledger) fields() []*int64 {
	return []*int64{&l.Tokens, &l.Routed, &l.Extra, &l.Kept, &l.Rerouted, &l.Dropped, &l.TokensWithoutExpert,
		&l.Mass.Whole, &l.Mass.Parts, &l.MassLost.Whole, &l.MassLost.Parts}
}

// Add adds another ledger's counts.
func (l *Ledger) Add(other Ledger) {
	from := other.fields()
	for i, f := range l.fields() {
		*f += *from[i]
	}
	l.carry()
}

func (l *Ledger) carry() {
	l.Mass.carry()
	l.MassLost.carry()
}

// Counts returns the ledger as a vector, for a reduction over ranks.
func (l Ledger) Counts() []int64 {
	var counts []int64
	for _, f := range l.fields() {
		counts = append(counts, *f)
	}
	return counts
}

// LedgerOf reads a vector made by Counts.
func LedgerOf(counts []int64) Ledger {
	var l Ledger
	for i, f := range l.fields() {
		*f = counts[i]
	}
	l.carry()
	return l
}

// Balance fails unless routed + extra = kept + dropped.
func (l Ledger) Balance() error {
	if l.Routed+l.Extra != l.Kept+l.Dropped {
		return fmt.Errorf("capacity: ledger: routed %d + extra %d is not kept %d + dropped %d", l.Routed, l.Extra, l.Kept, l.Dropped)
	}
	return nil
}

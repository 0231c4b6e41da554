package capacity

import "fmt"

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
	Mass                int64 // Σ weights of the top K, in units of 2⁻³²
	MassLost            int64 // Σ weights of the dropped pairs, in units of 2⁻³²
}

const massUnit = 1 << 32

// GateMassLost is Σ weights of the dropped pairs / Σ all weights, 0 to 1.
func (l Ledger) GateMassLost() float64 {
	if l.Mass == 0 {
		return 0
	}
	return float64(l.MassLost) / float64(l.Mass)
}

// fields are the ledger's counts in the order of its declaration.
func (l *Ledger) fields() []*int64 {
	return []*int64{&l.Tokens, &l.Routed, &l.Extra, &l.Kept, &l.Rerouted, &l.Dropped, &l.TokensWithoutExpert, &l.Mass, &l.MassLost}
}

// Add adds another ledger's counts.
func (l *Ledger) Add(other Ledger) {
	from := other.fields()
	for i, f := range l.fields() {
		*f += *from[i]
	}
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
	return l
}

// Balance fails unless routed + extra = kept + dropped.
func (l Ledger) Balance() error {
	if l.Routed+l.Extra != l.Kept+l.Dropped {
		return fmt.Errorf("capacity: ledger: routed %d + extra %d is not kept %d + dropped %d", l.Routed, l.Extra, l.Kept, l.Dropped)
	}
	return nil
}

package attribution

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// String is the finding in a few lines for people.
func (f *Finding) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Rank %d on host %s was the slowest: %.3f s of its own work, %.1f %% more than the mean rank's %.3f s.\n",
		f.Slowest, f.Host, f.Work, 100*(f.Work/f.MeanWork-1), f.MeanWork)
	s := f.Seconds
	fmt.Fprintf(&b, "  %s\n", f.because())
	fmt.Fprintf(&b, "  excess %.3f s = token imbalance %.3f + slower hardware %.3f + arrival skew %.3f\n",
		f.Work-f.MeanWork, s.TokenImbalance, s.SlowerHardware, s.ArrivalSkew)
	fmt.Fprintf(&b, "  the mean rank spent %.3f s in exchanges: wire %.3f, waiting for rank %d %.3f, for others %.3f\n",
		s.Wire+s.Waiting+f.WaitingForOthers, s.Wire, f.Slowest, s.Waiting, f.WaitingForOthers)
	if f.Clock == "wall" && f.WaitingForOthers > s.Waiting && f.WaitingForOthers > negligible*f.MeanWork {
		b.WriteString("  more is waited for others, in turn, than for the slowest: who has most to do changes\n")
	}
	if saved := f.best(); len(saved) > 0 {
		fmt.Fprintf(&b, "  the experts would have saved: %s\n", strings.Join(saved, ", "))
	}
	if f.Clock == "cpu" {
		b.WriteString("  attribution by CPU time: ranks share cores; in exchanges they wait for a core too\n")
	}
	return b.String()
}

// because is the sentence of the cause.
func (f *Finding) because() string {
	switch f.Cause {
	case NoCause:
		return fmt.Sprintf("No cause: less than %.0f %% over the mean is nothing to look for.", 100*negligible)
	case TokenImbalance:
		if f.Expert != nil {
			return fmt.Sprintf("Cause: token imbalance, most in layer %d, where its expert %d got %.2f × the mean load.", *f.Layer, *f.Expert, f.ExpertOverMean)
		}
		return fmt.Sprintf("Cause: token imbalance, most in layer %d: it has more tokens of its own.", *f.Layer)
	case SlowerHardware:
		return fmt.Sprintf("Cause: slower hardware, most in layer %d: %.3g µs a row of an expert, the typical rank %.3g µs.", *f.Layer, 1e6*f.PerRow, 1e6*f.TypicalPerRow)
	}
	return fmt.Sprintf("Cause: arrival skew, most in layer %d: it comes late to exchanges, and not for its tokens or its speed.", *f.Layer)
}

// best is what would have saved most, of each kind, if it saves a thousandth of the work.
func (f *Finding) best() []string {
	kinds := map[string]Counterfactual{}
	for _, c := range f.Counterfactual {
		kind, _, _ := strings.Cut(c.What, " ")
		if known, ok := kinds[kind]; !ok || c.Saved > known.Saved {
			kinds[kind] = c
		}
	}
	var most []Counterfactual
	for _, c := range kinds {
		if c.Saved > 0.001*f.MeanWork {
			most = append(most, c)
		}
	}
	slices.SortFunc(most, func(a, b Counterfactual) int {
		return cmp.Or(cmp.Compare(b.Saved, a.Saved), cmp.Compare(a.What, b.What))
	})
	var saved []string
	for _, c := range most {
		saved = append(saved, fmt.Sprintf("%.3f s with %s", c.Saved, c.What))
	}
	return saved
}

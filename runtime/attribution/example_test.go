package attribution

import (
	"fmt"

	"capmoe/layers"
)

func ExampleFinding_String() {
	run := made(func(r *Run) {
		r.move(1, 5, 120)
		r.set(2, 0, layers.Plan, 0.02)
		r.CPU = true
		r.WaitedFor = []float64{0.01, 0, 0.1, 0}
	})
	fmt.Print(Attribute(run))
	// Output:
	// Rank 2 on host n1 was the slowest: 0.832 s of its own work, 15.9 % more than the mean rank's 0.718 s.
	//   Cause: token imbalance, most in layer 1, where its expert 5 got 1.91 × the mean load.
	//   excess 0.114 s = token imbalance 0.099 + slower hardware 0.000 + arrival skew 0.015
	//   the mean rank spent 0.610 s in exchanges: wire 0.500, waiting for rank 2 0.100, for others 0.010
	//   the experts would have saved: 0.120 s with drop γ=1, 0.120 s with reroute γ=1, 0.090 s with perfect balance
	//   attribution by CPU time: ranks share cores; in exchanges they wait for a core too
}

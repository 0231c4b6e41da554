// Package attribution says which rank of a run was the slowest, by how much, why, and
// what would have saved how much. It decides purely: slices in, a finding out.
//
//	work [P, L, phases] ─┬─ slowest rank ─ excess over the mean rank ─┬─ token imbalance
//	tokens, rows ────────┘                                           ├─ slower hardware
//	                                                                 └─ arrival skew
//	time in exchanges ─── wire, waiting for the slowest, waiting for others
//	sampled loads ─────── rows of every rank under γ, policy, placement ─ seconds saved
//
// Work is a rank's own: what it spends outside of the operations in which ranks wait
// for each other. Two identities hold, but for the rounding of float64:
//
//	work of the slowest = work of the mean rank + token imbalance + slower hardware + arrival skew
//	time of the mean rank in exchanges = wire + waiting for the slowest + waiting for others
//
// A phase has units u: rows of experts, tokens, or pairs sent and rows received. Rank r
// works w[r] = u[r]·t[r] seconds for them, the typical rank t, the median of the t[r], for
// each. With means over the ranks,
//
//	token imbalance = (u[r] − mean u)·t                      what r's share costs on the typical rank
//	slower hardware = u[r]·(t[r] − t), less the mean of it   in a phase that computes
//	                  the part of that in a phase that exchanges which r's slowness where it computes explains
//	arrival skew    = the rest of w[r] − mean w              in a phase that exchanges, before r enters
//
// # Reading order
//
//	run.go            what the ranks measured
//	excess.go         the slowest rank's excess, by layer and cause
//	finding.go        the finding
//	counterfactual.go what would have saved how much
//	reroute.go        loads after reroute, estimated from loads
//	words.go          the finding in words
package attribution

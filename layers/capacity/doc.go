// Package capacity decides which (token, expert) pairs of a step are computed:
// the capacity-aware stage of the mixture, before any row moves.
//
//	scores [T,E] ─ choices ─ proposals ──┐  every rank, its own tokens
//	                                     ▼
//	                  loads (all-reduce) ─ contested experts ─ keys to their owner ─ accept ─ bars (allgather)
//	                                     │                                                     │
//	             next round (reroute) ◀──┴──────────────── refused pairs ◀─────────────────────┘
//	                                     ▼
//	                                   Plan: kept experts and weights of every token, loads, ledger, hash
//
// The decision is exact and the same for any number of ranks: it depends on the
// scores and the global token ids, never on who holds a token (scope global).
//
// Legend: T tokens of the step over all ranks, E routed experts, K choices per
// token, P ranks, C expert capacity, γ capacity factor. A pair is (token, expert).
//
// Reading order:
//
//	key.go        the total order of pairs for one expert
//	config.go     policies, orders, scopes, factors; what is valid
//	budget.go     factors and T → budgets
//	layout.go     which rank and node an expert is on
//	choices.go    a token's experts from best to worst
//	proposals.go  the token's side: slots, proposals, refusals
//	accept.go     the expert's side: keep the best that the budgets have room for
//	agree.go      the agreement over ranks, one round
//	wire.go       its messages: keys to owners, bars back
//	planner.go    rounds → Plan
//	weights.go    kept scores → weights
//	plan.go       Plan and the invariants it satisfies
//	ledger.go     the counts every run reports
//
// Source: "Capacity-Aware Inference: Mitigating the Straggler Effect in Mixture
// of Experts", arXiv 2503.05066 (Token Drop, Token Reroute, Expanded Drop).
package capacity

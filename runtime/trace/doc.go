// Package trace holds routing that was recorded: router scores of every token in every
// layer, independent of the ranks that computed them.
//
//	FILE.safetensors (layerN.router_probs [T,E]) ─┐
//	DIR/topk_ids.npy, topk_weights.npy [T,L,K] ───┴─ Open ─ Trace ─ Layer: scores [T,E]
//
// Experts whose scores were not recorded have score -Inf: no candidates. A reroute
// beyond the recorded choices cannot be replayed on such a trace, and Whole says so.
//
// Reading order: trace.go, safetensors.go, npy.go.
package trace

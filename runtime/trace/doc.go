// Package trace holds routing: which experts the router of every layer scores how for
// every token, independent of the ranks that computed it.
//
//	FILE.routing ──────────────────────────────────────┐
//	FILE.safetensors (layerN.router_probs [T,E], …) ───┤
//	DIR/topk_ids.npy, topk_weights.npy [T,L,K] ────────┼─ Open ─ Stream ─ Step: rows of scores [T,E]
//	DIR/router_trace_rank*.jsonl (Megatron) ───────────┤               │
//	Synthetic: kind and seed ──────────────────────────┘               ├─ Cut ─ steps of T tokens
//	                                        ▲                          ├─ Create, Write ─ FILE.routing
//	counts by layer and expert ─ OpenLoads ─ Loads ─ Draw              └─ Summarize ─ what it holds
//
// Experts whose scores were not recorded have score -Inf: no candidates. A reroute
// beyond the recorded choices cannot be replayed on such a trace, and Info.Whole says
// so. A recording of counts only is Loads; tokens for it are drawn.
//
// Reading order:
//
//	info.go        Info: what a trace holds
//	stream.go      Stream and Step
//	choices.go     the recorded experts of tokens
//	cut.go         steps of another size
//	trace.go       Trace: all of it in memory; Open; detect.go tells formats; hints.go, what some do not say
//	format.go      the file format .routing: blocks and checksums
//	writer.go      Writer
//	reader.go      its stream
//	loads.go       Loads: counts by layer and expert
//	draw.go        tokens for them
//	synthetic.go   made routing: Kind and its numbers; kinds.go, scores.go
//	summary.go     loads, imbalance, share over capacity
//	npy.go npy_header.go safetensors.go megatron.go counts.go pairs.go sglang.go torch.go pickle.go   other people's formats
package trace

// Package runtime is one process per rank, from start to report: which experts and
// sequences are whose, the engine that steps a model over all ranks, and the jobs
// built on it.
//
//	launch ─ Process ─ Load ─ Engine ─┬─ Evaluate (perplexity of a text)
//	         rank, hosts  │           └─ Logits   (token ids → logits)
//	                      ├─ checkpoint: this rank's weights
//	                      ├─ tokenizer:  text ↔ ids
//	                      └─ layers.Model, stepped with whole sequences
//
// Everything that a run reports is gathered by Meter while it steps, and put
// together over the ranks at the end.
//
// Reading order:
//
//	process.go    a rank among its job
//	placement.go  experts and sequences to ranks
//	engine.go     a loaded model; one step
//	meter.go      loads, ledger and time of every layer, as the steps go
//	clock.go      CPU and wall time by step, layer and phase
//	report.go     the numbers every run reports
//	sequences.go  token ids from a file to every rank
//	evaluate.go   perplexity
//	logits.go     token ids to logits
package runtime

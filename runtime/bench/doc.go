// Package bench measures the parts of a run on this machine, each next to its limit.
// Every benchmark verifies what it times.
//
//	made input ─ verify once ─ repeat ─ Sample: median and spread over repeats, slowest rank
//
// Reading order:
//
//	sample.go  repeats, slowest rank, median and spread
//	parts.go   how far a benchmark is
//	share.go   what ranks of a core, and of a host, have together
//	select.go  two ways to agree on an overloaded expert's bar
//	layer.go   a mixture layer of a real shape: what capacity saves
//	plan.go    planning: time and bytes on the wire by policy and T
//	shapes.go  the mixtures of released models
//	gemm.go    the products of experts against the peak of the same run
//	experts.go made experts, one run over them, and its verification
//	stack.go   whole layers of a shape with made weights
//	prefill.go a prompt through them, spread over the ranks
//	decode.go  many sequences through them, a token each
//	peak.go    how fast products are that caches hold
//	read.go    how fast memory is read
//	collective.go  collectives of one size after the other
//	overlap.go     rows in chunks while experts compute, over made wires
//	dispatch.go    rows to their experts and back
//	against.go     both against plain/collective.c, which knows MPI alone
package bench

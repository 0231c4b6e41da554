// Package layers is the mathematics that a token goes through, on one rank of many.
//
//	ids ─ embedding ─ x ─┬─ norm ─ attention ─ + ─┬─ norm ─ mixture ─ + ─ … next layer … ─ norm ─ head ─ logits
//	 [T_l]              [T_l, H]                  │         or one perceptron                            [n, V]
//	                                              ▼
//	    router ─ scores [T_l, E] ─ capacity.Planner ─ Plan ─ dispatch ═▶ experts ═▶ combine ─ y [T_l, H]
//	                                                                     shared expert ───────┘
//
// A rank runs the attention of its own sequences and the experts that it holds; only
// dispatch, combine and the planner's agreement talk to other ranks, and in steps of few tokens the ranks of a node
// share the products of dense matrices. What a family of
// models has of its own is switches of Config: no code here knows a family.
//
// # Same bits
//
// A token's logits do not depend on who shared its batch, nor on the number of ranks:
// products with weights go through kernel.Matrix, whose rows are independent; sequences
// are attended one at a time; outputs of experts are added up in the plan's order.
//
// # Legend
//
// T_l tokens of this rank in a step, V vocabulary, H hidden size, E experts, K of them
// chosen by a token, F the width of a perceptron, P ranks. Slices are row-major, with
// their shape in a comment: // [T_l, H].
//
// # Reading order
//
//	config.go            Config: a model's architecture; config_attention.go, config_rope.go
//	weights.go           Weights: what a rank holds of it
//	batch.go             Batch: its sequences of a step, whole or what is new of them
//	embedding.go         the vectors of the vocabulary
//	spread.go            sequences whose tokens several ranks bring
//	model.go             Model: the drawing above
//	norm.go softmax.go   vectors
//	rope.go              positions; YaRN
//	attention.go         grouped attention
//	mla.go               latent attention
//	attend.go            one head, with window and sink
//	column_parallel.go   products that the ranks of a node share
//	heads.go             all heads of a layer, on the kernels' threads
//	rows.go              work on rows, on the same threads
//	cache.go             keys and values of sequences that come in pieces
//	keeper.go            those of a batch, put where attention finds them
//	moe.go               MoE: the mixture
//	router.go            scores, and the groups that confine a choice
//	capacity/            which pairs are computed
//	placement.go         which ranks hold which experts
//	exchange.go          rows to experts and back
//	carriage.go          what they are on their way: float32, or bf16
//	dispatch.go          all-to-all: rows written into the memory of ranks of the same node, sent to others
//	counts.go room.go combine.go   its counts, the places of rows, and the way back
//	hierarchical.go      all-to-all between nodes of many ranks; hierarchical_relays.go, _counts.go, _parcel.go
//	far.go overlap.go    what goes by MPI, in chunks while experts compute; in how many
//	mailbox.go           the memory that ranks of a node share
//	allgather.go         the other way
//	experts.go           the experts of this rank
//	mlp.go               a gated perceptron
//	shared.go            the expert that every token goes through
//	baseline.go          how other systems drop, round, order and send
//	hooks.go             watching a model at work
//	reference.go         a mixture in plain loops: the truth
//	kernel/              products of matrices
package layers

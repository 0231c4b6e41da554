// Package runtime is one process per rank, from start to report: which experts and
// sequences are whose, the engine that steps a model over all ranks, and the jobs
// built on it.
//
//	launch ─ Process ─ Load ─ Engine ─┬─ Evaluate (perplexity of a text)
//	         rank, hosts  │           ├─ Logits   (token ids → logits)
//	                      │           ├─ Record   (routing of a text → trace.Writer)
//	                      │           └─ Generate (requests → results)
//	                      ├─ checkpoint: this rank's weights
//	                      ├─ tokenizer:  text ↔ ids
//	                      └─ layers.Model, stepped with whole sequences, or what is new of them
//
// A generation goes round like this; all ranks decide alike, and tell each other the
// next tokens only:
//
//	requests ─ scheduler ─ parts of a step ─ Model.Forward ─ logits ─ sampler ─┐
//	               ▲                          caches, on the rank of a sequence │
//	               └── sequences grow, end, leave ◀═══ next tokens, all-reduce ═┘
//	                                      └─ prose ─ results, a line each, durable
//
// Everything that a run reports is gathered by Meter while it steps, and put
// together over the ranks at the end.
//
// Reading order:
//
//	process.go    a rank among its job
//	placement.go  experts and sequences to ranks
//	routing.go    a policy and a wire, or a baseline by name
//	engine.go     a loaded model; one step
//	meter.go      loads, ledger and time of every layer, as the steps go
//	clock.go      CPU and wall time by step, layer and phase; how much of it in exchanges
//	fold.go       and put together over the ranks, now and then
//	waits.go      who came last to the exchanges
//	survey.go     some steps kept whole
//	attribute.go  why the slowest rank was: attribution/
//	report.go     the numbers every run reports
//	eplb.go       experts replicated by measured loads
//	share.go      slices from rank 0 to all, and from all to rank 0
//	sequences.go  token ids from a file to every rank
//	scores.go     router scores from a file, and what they mean
//	memory.go     whether a model fits
//	doctor.go     what a run stands on
//	plan.go       scores to a plan
//	evaluate.go   perplexity
//	tasks.go      multiple choice by log-likelihood
//	logits.go     token ids to logits
//	watch.go      others than the meter that see a run
//	timeline.go   what every rank does when, for a viewer
//	record.go     a text's routing to a file
//	replay.go     recorded or made routing under a policy, without a model
//	replay_steps.go replay_plan.go replay_layer.go replay_eplb.go replay_hash.go   its parts
//	made.go       weights of made experts
//	request.go    a prompt and how it is continued, as a line of JSON says it
//	requests.go   a file of them to every rank
//	special.go    tokens that begin and end texts
//	scheduler.go  requests to steps
//	sample.go     logits to a token
//	stops.go      a text up to a stop string
//	prose.go      tokens to text as they come
//	generate.go   requests to results; one step
//	generator.go  what a step consists of
//	mark.go       results of one job from those of another
//	results.go    results to a file that a job goes on with after a kill
package runtime

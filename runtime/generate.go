package runtime

import (
	"encoding/json"
	"errors"
	"time"

	"capmoe/collective"
	"capmoe/layers"
	"capmoe/layers/capacity"
)

// Generation says how requests are run.
//
// In float32 and dropless, what a request's logits are does not depend, bit for bit, on
// the requests beside it, on the number of ranks, nor on Limits. Without a cache they
// differ by the rounding of float32, so that greedy tokens agree unless two are as good
// as equal. Under a capacity a request's tokens depend on those that share its steps.
type Generation struct {
	Limits
	NoCache          bool // every step runs whole sequences anew, to compare with; Limits.Tokens is not heeded
	CapacityInDecode bool // capacity holds also in steps where every sequence brings one token
	IgnoreEOS        bool // nothing but its length and stop strings ends a text
}

// Watcher is told on rank 0 how a generation goes. Any of the functions may be nil.
type Watcher struct {
	Note     func(text string)    // what is odd about the model's files, and no fault
	Text     func(text string)    // that is sure by now, of any request
	Finished func([]Result) error // the requests that a step has finished; an error ends all ranks
	Progress func(done, of int)   // requests
}

// Reason says what ended a text.
type Reason string

// The reasons.
const (
	AtLength Reason = "length" // as many tokens as asked for, or as the model has positions
	AtStop   Reason = "stop"   // a stop string, which is not in the text
	AtEOS    Reason = "eos"    // a token that ends texts: the last of the tokens, not in the text
)

// Result is what became of a request.
type Result struct {
	ID           json.RawMessage `json:"id"`
	PromptTokens int             `json:"prompt_tokens"`
	Tokens       []int32         `json:"tokens"` // generated
	Text         string          `json:"text"`   // without special tokens; empty for a model without a tokenizer
	FinishReason Reason          `json:"finish_reason"`
	Asked        string          `json:"asked,omitempty"` // the request's mark
	Counts                       // of all tokens that the request brought to the steps
}

// GenerationReport is a Report with what was generated. Seconds are rank 0's wall time.
type GenerationReport struct {
	Requests        int     `json:"requests"`
	PromptTokens    int     `json:"prompt_tokens"`
	Generated       int     `json:"generated_tokens"`
	TokensPerSecond float64 `json:"tokens_per_second"` // generated
	PrefillSeconds  float64 `json:"prefill_seconds"`   // of steps with a piece of a prompt
	PrefillSteps    int     `json:"prefill_steps"`
	DecodeSeconds   float64 `json:"decode_seconds"` // of steps where every sequence brings one token
	DecodeSteps     int     `json:"decode_steps"`
	DecodeTokens    int     `json:"decode_tokens"` // generated in those
	Report
}

// Generate continues the requests, the same on every rank, under the policy in use. All
// ranks call it.
func (e *Engine) Generate(requests []Request, g Generation, w Watcher) (*GenerationReport, error) {
	run := &generator{Engine: e, Generation: g, requests: requests, watcher: w}
	if err := collective.Agree(e.proc.Comm, run.prepare()); err != nil {
		return nil, err
	}
	for {
		parts := run.schedule.next()
		if len(parts) == 0 {
			break
		}
		if err := run.step(parts); err != nil {
			return nil, err
		}
	}
	report, err := e.Report()
	if err != nil {
		return nil, err
	}
	run.report.Report = *report
	return &run.report, nil
}

// generator is a generation under way.
type generator struct {
	*Engine
	Generation
	requests []Request
	watcher  Watcher
	schedule *scheduler
	ends     []int32
	pool     *layers.CachePool
	owned    map[*sequence]*owned

	batch  layers.Batch
	mine   []held    // of the step, this rank's: the sequences and pieces of batch
	hidden []float32 // [n, H] last rows of parts that end
	logits []float32 // [n, V]
	chosen []int32   // [parts that end] next tokens, after the exchange
	report GenerationReport
	done   int
}

// owned is what a rank holds of each of its sequences.
type owned struct {
	cache   *layers.Cache // nil without a cache
	sampler *sampler
	ledger  capacity.Ledger
	end     int // where its part of the step ends in the batch, on the sequence's own rank
}

// held is tokens from to to-1 of a batch, which are a sequence's.
type held struct {
	*owned
	from, to int
}

func (g *generator) prepare() error {
	faults := []error{g.Limits.Validate()}
	for _, r := range g.requests {
		faults = append(faults, r.Validate())
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	var err error
	if !g.IgnoreEOS {
		var note string
		if g.ends, note, err = g.Engine.ends(); err != nil {
			return err
		}
		if note != "" && g.watcher.Note != nil && g.proc.Comm.Rank() == 0 {
			g.watcher.Note(note)
		}
	}
	waiting, err := g.sequences()
	if err != nil {
		return err
	}
	g.schedule = newScheduler(g.Limits, g.proc.Comm.Size(), waiting)
	g.schedule.whole = g.NoCache
	g.pool = layers.NewCachePool(g.config.Model, g.opts.DType)
	g.owned = map[*sequence]*owned{}
	g.meter.observe = g.account
	g.report.Requests = len(g.requests)
	return nil
}

// step runs the model once over the parts and appends a token to every sequence whose
// part is all that is known of it.
func (g *generator) step(parts []part) error {
	began := time.Now()
	g.gather(parts)
	g.batch.Unbounded = decoding(parts) && !g.CapacityInDecode
	hidden, err := g.model.Forward(g.batch)
	if err != nil {
		return err
	}
	if err := g.choose(parts, hidden); err != nil {
		return err
	}
	g.letGo(parts)
	g.meter.clock.stop()
	if err := g.extend(parts); err != nil {
		return err
	}
	g.schedule.advance()
	g.count(parts, time.Since(began))
	if g.meter.steps%foldSteps == 0 {
		if err := g.meter.fold(); err != nil {
			return err
		}
	}
	return g.finish()
}

// count enters a step into the report.
func (g *generator) count(parts []part, took time.Duration) {
	r := &g.report
	r.Generated += len(g.chosen)
	if decoding(parts) {
		r.DecodeSteps++
		r.DecodeTokens += len(g.chosen)
		r.DecodeSeconds += took.Seconds()
	} else {
		r.PrefillSteps++
		r.PrefillSeconds += took.Seconds()
	}
	r.TokensPerSecond = float64(r.Generated) / (r.PrefillSeconds + r.DecodeSeconds)
}

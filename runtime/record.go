package runtime

import (
	"errors"
	"fmt"
	"path/filepath"

	"capmoe/collective"
	"capmoe/layers"
	"capmoe/layers/capacity"
	"capmoe/runtime/trace"
)

// Recording says what is recorded of a text's routing, dropless: every token in every
// layer with experts, and of each the scores of its best experts. A window is a request.
type Recording struct {
	Evaluation
	Top  int    // M experts of a token; 0: all
	Text string // for the file's origin
}

// recorder gathers the choices of a step on one rank.
type recorder struct {
	info    trace.Info
	choices []trace.Choices // [layers of the file]
	place   map[int]int     // a layer's place among them
	tokens  []int32         // global ids of the step's tokens here
	fault   error
}

// Record runs token ids, the same on every rank, through the model and writes their
// routing to path, on rank 0. The file is the same, byte for byte, for any number of
// ranks. All ranks call it; a fault of one fails on all.
func (e *Engine) Record(ids []int32, job Recording, path string, progress func(done, of int)) (*trace.Info, error) {
	m := e.config.Model
	r := &recorder{place: map[int]int{}, info: trace.Info{
		Experts: m.MoE.Experts, TopK: m.MoE.TopK, Layers: e.mixtures(), Recorded: job.Top, Stepped: true,
		Normalize: m.MoE.Weighting.Normalize, Scale: m.MoE.Weighting.Scale, Model: filepath.Base(e.dir),
		Origin: fmt.Sprintf("%s, windows of %d tokens, %d a step", filepath.Base(job.Text), job.Window, job.Batch),
	}}
	if job.Top == 0 {
		r.info.Recorded = r.info.Experts
	}
	for i, l := range r.info.Layers {
		r.place[l] = i
	}
	r.choices = make([]trace.Choices, len(r.info.Layers))
	var w *trace.Writer
	err := errors.Join(job.Validate(), job.fits(len(ids), e.config))
	if err == nil && e.proc.Comm.Rank() == 0 {
		w, err = trace.Create(path, r.info)
	}
	if err := collective.Agree(e.proc.Comm, err); err != nil {
		return nil, err
	}
	defer w.Abort()
	e.Watch(&layers.Hooks{Planned: r.planned})
	if err := e.Use(Routing{}); err != nil {
		return nil, err
	}
	return &r.info, e.record(r, w, job, ids, progress)
}

func (e *Engine) record(r *recorder, w *trace.Writer, job Recording, ids []int32, progress func(done, of int)) error {
	windows := job.windows(ids)
	for first := 0; first < len(windows); first += job.Batch {
		end := min(first+job.Batch, len(windows))
		var step trace.Step
		for i, window := range windows[first:end] {
			step.Tokens += len(window)
			step.Requests = append(step.Requests, trace.Run{Request: uint32(first + i), Tokens: uint32(len(window))})
		}
		r.reset()
		if _, err := e.step(windows[first:end]); err != nil {
			return err
		}
		e.pause()
		if err := r.keep(e.proc.Comm, w, step); err != nil {
			return err
		}
		progress(end, len(windows))
	}
	var err error
	if w != nil {
		err = w.Close()
	}
	return collective.Agree(e.proc.Comm, err)
}

func (r *recorder) reset() {
	r.tokens = r.tokens[:0]
	for i := range r.choices {
		r.choices[i] = trace.Choices{Expert: r.choices[i].Expert[:0], Score: r.choices[i].Score[:0]}
	}
}

func (r *recorder) planned(plan *capacity.Plan, scores []float32, _ int) {
	i := r.place[plan.Layer]
	r.tokens = append(r.tokens[:0], plan.TokenIDs...)
	if err := r.choices[i].Add(r.info, scores); err != nil && r.fault == nil {
		r.fault = fmt.Errorf("runtime: record: layer %d: %w", plan.Layer, err)
	}
}

// keep brings a step's choices to rank 0, which puts them in order of token and writes
// them.
func (r *recorder) keep(c collective.Communicator, w *trace.Writer, step trace.Step) error {
	if err := collective.Agree(c, r.fault); err != nil {
		return err
	}
	sizes := make([]int64, c.Size())
	if err := collective.AllGather(c, sizes, []int64{int64(len(r.tokens))}); err != nil {
		return err
	}
	counts, pairs := make([]int, c.Size()), make([]int, c.Size())
	for rank, n := range sizes {
		counts[rank], pairs[rank] = int(n), int(n)*r.info.Recorded
	}
	tokens, err := Gather(c, r.tokens, counts)
	if err != nil {
		return err
	}
	all := make([]trace.Choices, len(r.choices))
	for i, own := range r.choices {
		scores, err := Gather(c, own.Score, pairs)
		if err != nil {
			return err
		}
		all[i].Score = ordered(scores, tokens, r.info.Recorded)
		if r.info.Whole() {
			continue
		}
		experts, err := Gather(c, own.Expert, pairs)
		if err != nil {
			return err
		}
		all[i].Expert = ordered(experts, tokens, r.info.Recorded)
	}
	if w != nil {
		err = w.Choices(step, all)
	}
	return collective.Agree(c, err)
}

// ordered puts the rows of tokens with these ids, m values each, in order of id.
func ordered[T float32 | uint16](rows []T, tokens []int32, m int) []T {
	out := make([]T, len(rows))
	for i, id := range tokens {
		copy(out[int(id)*m:(int(id)+1)*m], rows[i*m:(i+1)*m])
	}
	return out
}

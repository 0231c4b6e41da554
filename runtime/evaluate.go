package runtime

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"

	"capmoe/collective"
	"capmoe/runtime/checkpoint"
	"capmoe/runtime/tokenizer"
)

// Evaluation says which part of a text a perplexity is taken over, and how. Windows
// of consecutive tokens are independent sequences: each starts at position 0 and sees
// only itself. Batch windows make one step, over which capacity is decided.
type Evaluation struct {
	Window    int // tokens of a window
	Batch     int // windows of a step
	MaxTokens int // tokens of the text that are used; 0: all
}

// EvaluationReport is a Report with the quality of the run.
type EvaluationReport struct {
	Perplexity float64 `json:"perplexity"` // exp(nll)
	NLL        float64 `json:"nll"`        // mean over the targets, natural log
	Targets    int     `json:"targets"`    // tokens predicted
	Text       string  `json:"text,omitempty"`
	Window     int     `json:"window"`
	Batch      int     `json:"batch"`
	Report
}

// ReadText reads a text and turns it into token ids, the same on every rank. Rank 0
// reads and encodes; its faults fail on all. No special token is added.
func (e *Engine) ReadText(path string) ([]int32, error) {
	c := e.proc.Comm
	var ids []int32
	var fault error
	if c.Rank() == 0 {
		ids, fault = e.encodeFile(path)
	}
	if err := collective.Agree(c, fault); err != nil {
		return nil, err
	}
	return shareSlice(c, ids)
}

func (e *Engine) encodeFile(path string) ([]int32, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("runtime: text: %w", err)
	}
	if len(text) == 0 {
		return nil, fmt.Errorf("runtime: text %s is empty: 0 bytes, a perplexity needs at least 2 tokens", path)
	}
	if err := tokenizer.CheckUTF8(text); err != nil {
		return nil, fmt.Errorf("runtime: text %s is %w", path, err)
	}
	tok, err := e.Tokenizer()
	if err != nil {
		return nil, err
	}
	ids, err := tok.Encode(string(text))
	if err != nil {
		return nil, fmt.Errorf("runtime: text %s: %w", path, err)
	}
	if len(ids) < 2 {
		return nil, fmt.Errorf("runtime: text %s has %d tokens in %d bytes, a perplexity needs at least 2", path, len(ids), len(text))
	}
	if v := e.config.Model.Vocab; tok.VocabSize() > v {
		for _, id := range ids {
			if int(id) >= v {
				return nil, fmt.Errorf("runtime: text %s: token id %d, the model's vocab_size is %d (%s)", path, id, v, e.config.File)
			}
		}
	}
	return ids, nil
}

// Validate reports faults of the evaluation itself.
func (v Evaluation) Validate() error {
	var faults []error
	if v.Window < 2 {
		faults = append(faults, fmt.Errorf("runtime: window of %d tokens, want 2 or more", v.Window))
	}
	if v.Batch < 1 {
		faults = append(faults, fmt.Errorf("runtime: batch of %d windows, want 1 or more", v.Batch))
	}
	if v.MaxTokens < 0 || v.MaxTokens == 1 {
		faults = append(faults, fmt.Errorf("runtime: max tokens %d, want 2 or more, or 0 for all", v.MaxTokens))
	}
	return errors.Join(faults...)
}

// fits reports faults of the evaluation for a text of n tokens and this model.
func (v Evaluation) fits(n int, c *checkpoint.Config) error {
	if n < 2 {
		return fmt.Errorf("runtime: text of %d tokens, a perplexity needs at least 2", n)
	}
	if most := c.Model.MaxPositions; v.Window > most {
		return fmt.Errorf("runtime: window of %d tokens, max_position_embeddings is %d (%s)", v.Window, most, c.File)
	}
	return nil
}

// windows cuts the text; a last window of a single token is left out, as it predicts nothing.
func (v Evaluation) windows(ids []int32) [][]int32 {
	if v.MaxTokens > 0 {
		ids = ids[:min(len(ids), v.MaxTokens)]
	}
	var windows [][]int32
	for at := 0; at < len(ids)-1; at += v.Window {
		windows = append(windows, ids[at:min(at+v.Window, len(ids))])
	}
	return windows
}

// FirstStep is the windows of the first step of an evaluation.
func (v Evaluation) FirstStep(ids []int32) [][]int32 {
	windows := v.windows(ids)
	return windows[:min(v.Batch, len(windows))]
}

// Evaluate computes the perplexity of token ids, the same on every rank, under the
// policy in use. The result is the same on every rank, bit for bit, for any number of
// ranks: a window's sum is made by one rank and the sums are added in order of window.
func (e *Engine) Evaluate(ids []int32, v Evaluation, progress func(done, of int)) (*EvaluationReport, error) {
	if err := collective.Agree(e.proc.Comm, errors.Join(v.Validate(), v.fits(len(ids), e.config))); err != nil {
		return nil, err
	}
	windows := v.windows(ids)
	losses := make([]float64, len(windows))
	for first := 0; first < len(windows); first += v.Batch {
		end := min(first+v.Batch, len(windows))
		s, err := e.step(windows[first:end])
		if err != nil {
			return nil, err
		}
		for i, place := range s.places {
			losses[first+place] = e.loss(windows[first+place], s.row(i, e.config.Model.Hidden))
		}
		e.pause()
		progress(end, len(windows))
	}
	if err := collective.AllReduce(e.proc.Comm, collective.Sum, losses); err != nil {
		return nil, err
	}
	r := &EvaluationReport{Window: v.Window, Batch: v.Batch}
	sum := 0.0
	for i, loss := range losses {
		sum += loss
		r.Targets += len(windows[i]) - 1
	}
	r.NLL = sum / float64(r.Targets)
	r.Perplexity = math.Exp(r.NLL)
	if err := collective.Agree(e.proc.Comm, finite(r.Perplexity, losses)); err != nil {
		return nil, err
	}
	report, err := e.Report()
	if err != nil {
		return nil, err
	}
	r.Report = *report
	return r, nil
}

// finite reports a perplexity that is no number, and the first window to blame.
func finite(perplexity float64, losses []float64) error {
	if !math.IsNaN(perplexity) && !math.IsInf(perplexity, 0) {
		return nil
	}
	worst := slices.Max(losses) // NaN if one of them is
	window := slices.IndexFunc(losses, func(loss float64) bool { return loss == worst || math.IsNaN(loss) })
	return fmt.Errorf("runtime: perplexity is %v: the loss of window %d of %d is %v", perplexity, window, len(losses), worst)
}

// lossRows is the number of positions whose logits are held at a time.
const lossRows = 64

// loss is the sum of -log p(next token) over a window: hidden is [len(window), H].
func (e *Engine) loss(window []int32, hidden []float32) float64 {
	vocab, width := e.config.Model.Vocab, e.config.Model.Hidden
	logits := make([]float32, min(lossRows, len(window))*vocab)
	sum := 0.0
	for at := 0; at < len(window)-1; at += lossRows {
		n := min(lossRows, len(window)-1-at)
		e.model.Logits(logits[:n*vocab], hidden[at*width:(at+n)*width])
		for i := range n {
			sum -= logProb(logits[i*vocab:(i+1)*vocab], window[at+i+1])
		}
	}
	return sum
}

// logProb is log softmax(logits)[id].
func logProb(logits []float32, id int32) float64 {
	top := logits[0]
	for _, v := range logits {
		top = max(top, v)
	}
	var sum float64
	for _, v := range logits {
		sum += math.Exp(float64(v - top))
	}
	return float64(logits[id]-top) - math.Log(sum)
}

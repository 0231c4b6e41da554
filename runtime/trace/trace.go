package trace

import (
	"fmt"
	"io"
)

// Trace is a stream's tokens, all in memory.
type Trace struct {
	Info
	Path     string
	Tokens   int       // T
	Requests []Run     // whose tokens they are; nil: not known
	Choices  []Choices // [layers] of all tokens
	steps    []int     // tokens of each; nil: not known
}

// Rows writes the scores of tokens from up to to in the i-th layer, [to-from, E], into
// dst; -Inf where an expert's score is not known.
func (t *Trace) Rows(dst []float32, i, from, to int) {
	t.Choices[i].rows(dst, t.Experts, t.Recorded, from, to)
}

// Load reads a whole recording of tokens.
func Load(path string, h Hints) (*Trace, error) {
	s, err := Open(path, h)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if m, ok := s.(*memory); ok {
		return m.trace, nil
	}
	t := &Trace{Info: s.Info(), Path: path, Choices: make([]Choices, len(s.Info().Layers))}
	rows := make([]float32, rowsAtOnce*t.Experts)
	return t, Each(s, func(step Step) error {
		for i := range t.Layers {
			for from := 0; from < step.Tokens; from += rowsAtOnce {
				to := min(from+rowsAtOnce, step.Tokens)
				step.Rows(rows, i, from, to)
				if err := t.Choices[i].best(rows[:(to-from)*t.Experts], t.Experts, t.Recorded, step.First+from); err != nil {
					return fmt.Errorf("trace: %s: layer %d: %w", path, t.Layers[i], err)
				}
			}
		}
		t.Tokens += step.Tokens
		t.steps = append(t.steps, step.Tokens)
		t.Requests = append(t.Requests, step.Requests...)
		return nil
	})
}

// Open opens a recording of tokens: a file FILE.routing or FILE.safetensors, a folder of
// .npy files, Megatron's .jsonl or a folder of them.
func Open(path string, h Hints) (Stream, error) {
	s, err := openFormat(path, h)
	if err != nil {
		return nil, err
	}
	err = h.agree(path, s.Info())
	if err == nil && h.Set != "" {
		err = fmt.Errorf("trace: %s holds tokens, and no set of counts %q", path, h.Set)
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// openFormat opens a recording by its format.
func openFormat(path string, h Hints) (Stream, error) {
	format, err := formatOf(path)
	if err != nil {
		return nil, err
	}
	var t *Trace
	switch format {
	case routingFile:
		return openTokens(path)
	case npyFolder:
		t, err = openNPY(path, h)
	case megatronLines:
		t, err = openMegatron(path, h)
	case safetensorsFile:
		t, err = openSafetensors(path)
	default:
		return nil, loadsOnly(path)
	}
	if err != nil {
		return nil, err
	}
	if err := t.check(); err != nil {
		return nil, err
	}
	t.order()
	return t.Stream(), nil
}

// Stream gives the trace's tokens, from the first.
func (t *Trace) Stream() Stream { return &memory{trace: t} }

// openTokens opens a file FILE.routing of tokens.
func openTokens(path string) (Stream, error) {
	r, err := openRouting(path)
	if err != nil {
		return nil, err
	}
	if r.head.Kind != tokensKind {
		r.Close()
		return nil, loadsOnly(path)
	}
	return r, nil
}

func loadsOnly(path string) error {
	return fmt.Errorf("trace: %s holds counts by expert only, no tokens", path)
}

// check fails on a trace that no file could hold.
func (t *Trace) check() error {
	if err := t.Info.validate(); err != nil {
		return fileError(t.Path, err)
	}
	if t.Tokens < 1 {
		return fmt.Errorf("trace: %s: %d tokens, want 1 or more", t.Path, t.Tokens)
	}
	for i, c := range t.Choices {
		if err := c.distinct(t.Experts, t.Recorded, 0); err != nil {
			return fmt.Errorf("trace: %s: layer %d: %w", t.Path, t.Layers[i], err)
		}
	}
	return nil
}

// order lays choices of all experts in the experts' order, where an import has them from the best on.
func (t *Trace) order() {
	for i := range t.Choices {
		if c := &t.Choices[i]; t.Whole() && c.Expert != nil {
			c.inOrder(t.Experts)
		}
	}
}

// memory is a stream of a Trace.
type memory struct {
	trace *Trace
	step  int
	first int
}

// memoryStep is the tokens of a step where a recording does not know its steps.
const memoryStep = 1024

func (m *memory) Info() Info   { return m.trace.Info }
func (m *memory) Close() error { return nil }

// Total implements Sized.
func (m *memory) Total() int { return m.trace.Tokens }

func (m *memory) Next() (Step, error) {
	t, first := m.trace, m.first
	if first == t.Tokens {
		return Step{}, io.EOF
	}
	s := Step{Number: m.step, First: first, Tokens: min(memoryStep, t.Tokens-first)}
	if t.steps != nil {
		s.Tokens = t.steps[m.step]
	}
	s.Requests = requestsOf([]part{{Step{Requests: t.Requests}, first, first + s.Tokens}})
	s.rows = func(dst []float32, i, from, to int) { t.Rows(dst, i, first+from, first+to) }
	m.step++
	m.first += s.Tokens
	return s, nil
}

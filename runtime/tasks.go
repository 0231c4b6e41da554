package runtime

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"unicode/utf8"

	"capmoe/collective"
	"capmoe/runtime/tokenizer"
)

// Question is one multiple-choice item of a task file: the model chooses the
// continuation of the context that it finds most probable.
type Question struct {
	ID      json.RawMessage `json:"id"`
	Gold    *int            `json:"gold"` // index of the right choice
	Choices []string        `json:"choices"`
	Context string          `json:"context"`
}

// TaskReport is a Report with the accuracy of the run.
type TaskReport struct {
	Tasks     string `json:"tasks"`
	Questions int    `json:"questions"`
	// Accuracy counts a question as right if the gold choice has the highest
	// log-likelihood; AccuracyNorm, the highest per character of the choice.
	Accuracy     Proportion `json:"accuracy"`
	AccuracyNorm Proportion `json:"accuracy_norm"`
	Report
}

// Proportion is a share with its 95 % confidence interval (Wilson 1927).
type Proportion struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// proportionOf is hits among n trials.
func proportionOf(hits, n int) Proportion {
	const z = 1.959963984540054 // 97.5 % quantile of the normal distribution
	p, count := float64(hits)/float64(n), float64(n)
	middle := (p + z*z/(2*count)) / (1 + z*z/count)
	half := z / (1 + z*z/count) * math.Sqrt(p*(1-p)/count+z*z/(4*count*count))
	return Proportion{Value: p, Low: max(0, middle-half), High: min(1, middle+half)}
}

// Tasks are questions as sequences: each choice after its context.
type Tasks struct {
	path      string
	questions []Question // on rank 0
	sequences [][]int32  // one for each choice, in order of question
	starts    []int32    // where the choice begins in its sequence
}

// ReadTasks reads questions, one JSON object a line, on rank 0 and gives them to every
// rank as token ids. Faults of rank 0 fail on all.
func (e *Engine) ReadTasks(path string) (*Tasks, error) {
	c := e.proc.Comm
	t := &Tasks{path: path}
	var fault error
	if c.Rank() == 0 {
		if t.questions, fault = readQuestions(path); fault == nil {
			fault = e.encodeTasks(t)
		}
	}
	if err := collective.Agree(c, fault); err != nil {
		return nil, err
	}
	var err error
	if t.sequences, err = shareSequences(c, t.sequences); err != nil {
		return nil, err
	}
	t.starts, err = shareSlice(c, t.starts)
	return t, err
}

func readQuestions(path string) ([]Question, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("runtime: tasks: %w", err)
	}
	var questions []Question
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, 1<<26)
	for number := 1; lines.Scan(); number++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		q, err := parseQuestion(lines.Bytes())
		if err != nil {
			return nil, fmt.Errorf("runtime: tasks %s: line %d: %w", path, number, err)
		}
		questions = append(questions, q)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("runtime: tasks %s: %w", path, err)
	}
	if len(questions) == 0 {
		return nil, fmt.Errorf("runtime: tasks %s holds 0 questions, want 1 or more", path)
	}
	return questions, nil
}

func parseQuestion(line []byte) (q Question, err error) {
	if err := tokenizer.CheckJSON(line); err != nil {
		return q, err
	}
	if err := json.Unmarshal(line, &q); err != nil {
		return q, jsonFault(err, `an object {"context", "choices", "gold"}`)
	}
	return q, q.check()
}

func (q Question) check() error {
	if len(q.Choices) < 2 {
		return fmt.Errorf("field \"choices\" has %d entries, want 2 or more", len(q.Choices))
	}
	for i, choice := range q.Choices {
		if choice == "" {
			return fmt.Errorf("field \"choices\": entry %d is empty", i)
		}
	}
	if q.Gold == nil {
		return fmt.Errorf("field \"gold\" is missing")
	}
	if *q.Gold < 0 || *q.Gold >= len(q.Choices) {
		return fmt.Errorf("field \"gold\" is %d, want 0 to %d", *q.Gold, len(q.Choices)-1)
	}
	if q.Context == "" {
		return fmt.Errorf("field \"context\" is missing or empty")
	}
	return nil
}

func (e *Engine) encodeTasks(t *Tasks) error {
	tok, err := e.Tokenizer()
	if err != nil {
		return err
	}
	most := e.config.Model.MaxPositions
	for i, q := range t.questions {
		for j, choice := range q.Choices {
			ids, start, err := continuation(tok, q.Context, choice)
			if err != nil {
				return fmt.Errorf("runtime: tasks %s: question %d, choice %d: %w", t.path, i, j, err)
			}
			if cut := len(ids) - most; cut > 0 {
				ids, start = ids[cut:], start-cut // a long context loses its beginning
			}
			if start < 1 {
				return fmt.Errorf("runtime: tasks %s: question %d, choice %d: %d tokens leave no context within max_position_embeddings %d", t.path, i, j, len(ids)-start, most)
			}
			for _, id := range ids {
				if int(id) >= e.config.Model.Vocab {
					return fmt.Errorf("runtime: tasks %s: question %d, choice %d: token id %d, the model's vocab_size is %d", t.path, i, j, id, e.config.Model.Vocab)
				}
			}
			t.sequences, t.starts = append(t.sequences, ids), append(t.starts, int32(start))
		}
	}
	return nil
}

// continuation encodes context and choice together: the choice's tokens are those
// after as many as the context has alone. Spaces at the end of the context count to
// the choice.
func continuation(tok *tokenizer.Tokenizer, context, choice string) (ids []int32, start int, err error) {
	trimmed := context
	for len(trimmed) > 1 && trimmed[len(trimmed)-1] == ' ' {
		trimmed = trimmed[:len(trimmed)-1]
	}
	alone, err := tok.Encode(trimmed)
	if err != nil {
		return nil, 0, err
	}
	ids, err = tok.Encode(context + choice)
	if err == nil && len(ids) <= len(alone) {
		err = fmt.Errorf("the choice adds no token: %d with the context, %d without", len(ids), len(alone))
	}
	return ids, len(alone), err
}

// FirstStep is the sequences of the first step of an answer.
func (t *Tasks) FirstStep(batch int) [][]int32 { return t.sequences[:min(batch, len(t.sequences))] }

// Answer lets the model choose, batch sequences to a step, under the routing in use.
// The report is the same on every rank, for any number of ranks.
func (e *Engine) Answer(t *Tasks, batch int, progress func(done, of int)) (*TaskReport, error) {
	scores := make([]float64, len(t.sequences))
	for first := 0; first < len(t.sequences); first += batch {
		end := min(first+batch, len(t.sequences))
		s, err := e.step(t.sequences[first:end])
		if err != nil {
			return nil, err
		}
		for i, place := range s.places {
			seq, start := t.sequences[first+place], int(t.starts[first+place])
			hidden := s.row(i, e.config.Model.Hidden)
			scores[first+place] = -e.loss(seq[start-1:], hidden[(start-1)*e.config.Model.Hidden:])
		}
		e.pause()
		progress(end, len(t.sequences))
	}
	if err := collective.AllReduce(e.proc.Comm, collective.Sum, scores); err != nil {
		return nil, err
	}
	if err := collective.Agree(e.proc.Comm, t.finite(scores)); err != nil {
		return nil, err
	}
	report, err := e.Report()
	if err != nil {
		return nil, err
	}
	r := &TaskReport{Tasks: t.path, Report: *report}
	if e.proc.Comm.Rank() == 0 {
		r.grade(t.questions, scores)
	}
	return r, nil
}

// finite reports the first choice whose log-likelihood is no number: nothing compares with it. Questions are on rank 0.
func (t *Tasks) finite(scores []float64) error {
	for i, q := range t.questions {
		for j, score := range scores[:len(q.Choices)] {
			if math.IsNaN(score) || math.IsInf(score, 0) {
				return fmt.Errorf("runtime: tasks %s: question %d, choice %d: its log-likelihood is %v", t.path, i, j, score)
			}
		}
		scores = scores[len(q.Choices):]
	}
	return nil
}

// grade counts the right answers; scores are log-likelihoods in order of choice.
func (r *TaskReport) grade(questions []Question, scores []float64) {
	hits, hitsNorm := 0, 0
	for _, q := range questions {
		best, bestNorm := 0, 0
		norm := func(i int) float64 { return scores[i] / float64(utf8.RuneCountInString(q.Choices[i])) }
		for i := range q.Choices {
			if scores[i] > scores[best] {
				best = i
			}
			if norm(i) > norm(bestNorm) {
				bestNorm = i
			}
		}
		if best == *q.Gold {
			hits++
		}
		if bestNorm == *q.Gold {
			hitsNorm++
		}
		scores = scores[len(q.Choices):]
	}
	r.Questions = len(questions)
	r.Accuracy, r.AccuracyNorm = proportionOf(hits, r.Questions), proportionOf(hitsNorm, r.Questions)
}

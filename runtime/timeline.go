package runtime

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"capmoe/collective"
	"capmoe/layers"
	"capmoe/layers/capacity"
	"capmoe/runtime/durable"
)

// Timeline records what every rank does when, in the Chrome trace format (Trace Event
// Format, JSON object form), which Perfetto opens: a rank is a process, its phases are
// complete events with step and layer, and the pairs that it computes are a counter.
// The ranks' clocks start at one barrier.
type Timeline struct {
	proc  Process
	path  string
	file  *durable.File // rank 0
	began time.Time
	step  int // running; -1: none yet
	spans []span
	loads []span // from: when; layer, step and what: pairs
	open  bool   // the last span has not ended
}

// span is a phase of a layer of a step, in nanoseconds since the barrier.
type span struct {
	from, to          int64
	step, layer, what int64
}

const spanFields = 5

// StartTimeline starts a timeline that Finish will write to path. All ranks call it; a
// fault of rank 0 fails on all.
func StartTimeline(p Process, path string) (*Timeline, error) {
	t := &Timeline{proc: p, path: path, step: -1}
	var err error
	if p.Comm.Rank() == 0 {
		if t.file, err = durable.Create(path); err != nil {
			err = t.fault(err)
		}
	}
	if err := collective.Agree(p.Comm, err); err != nil {
		return nil, err
	}
	if err := p.Comm.Barrier(); err != nil {
		return nil, err
	}
	t.began = time.Now()
	return t, nil
}

func (t *Timeline) fault(err error) error {
	if fault, ok := errors.AsType[*fs.PathError](err); ok {
		err = fmt.Errorf("%s: %w", fault.Op, fault.Err)
	}
	return fmt.Errorf("runtime: timeline %s: %w", t.path, err)
}

func (t *Timeline) hooks() *layers.Hooks {
	return &layers.Hooks{Enter: t.enter, Planned: t.planned}
}

func (t *Timeline) now() int64 { return int64(time.Since(t.began)) }

func (t *Timeline) enter(layer int, p layers.Phase) {
	t.pause()
	if p == layers.Embed {
		t.step++
	}
	t.spans = append(t.spans, span{from: t.now(), step: int64(t.step), layer: int64(layer), what: int64(p)})
	t.open = true
}

// pause ends the running phase.
func (t *Timeline) pause() {
	if t != nil && t.open {
		t.spans[len(t.spans)-1].to = t.now()
		t.open = false
	}
}

func (t *Timeline) planned(plan *capacity.Plan, _ []float32, computed int) {
	t.loads = append(t.loads, span{from: t.now(), step: int64(t.step), layer: int64(plan.Layer), what: int64(computed)})
}

// Finish writes the timeline of all ranks, which call it together. A nil Timeline writes
// nothing.
func (t *Timeline) Finish() error {
	if t == nil {
		return nil
	}
	t.pause()
	var out *bufio.Writer
	if t.file != nil {
		out = bufio.NewWriterSize(t.file, 1<<20)
		fmt.Fprint(out, `{"displayTimeUnit":"ms","traceEvents":[`)
	}
	for rank := range t.proc.Comm.Size() { // one at a time: rank 0 holds no more
		spans, err := t.bring(rank, t.spans)
		if err != nil {
			return err
		}
		loads, err := t.bring(rank, t.loads)
		if err != nil {
			return err
		}
		if out != nil {
			t.write(out, rank, spans, loads)
		}
	}
	var err error
	if out != nil {
		fmt.Fprint(out, "\n]}\n")
		if err = out.Flush(); err == nil {
			err = t.file.Commit()
		}
		if err != nil {
			err = t.fault(err)
		}
	}
	return collective.Agree(t.proc.Comm, err)
}

// Discard removes a timeline that was not finished.
func (t *Timeline) Discard() {
	if t != nil {
		t.file.Discard()
	}
}

// bring copies a rank's spans to rank 0.
func (t *Timeline) bring(rank int, spans []span) ([]span, error) {
	c := t.proc.Comm
	counts := []int64{0}
	var flat []int64
	if c.Rank() == rank {
		counts[0] = int64(len(spans) * spanFields)
		for _, s := range spans {
			flat = append(flat, s.from, s.to, s.step, s.layer, s.what)
		}
	}
	if err := collective.Broadcast(c, counts, rank); err != nil {
		return nil, err
	}
	from := make([]int, c.Size())
	from[rank] = int(counts[0])
	flat, err := Gather(c, flat, from)
	var out []span
	for ; len(flat) > 0; flat = flat[spanFields:] {
		out = append(out, span{flat[0], flat[1], flat[2], flat[3], flat[4]})
	}
	return out, err
}

// event is one of the Trace Event Format. Times are microseconds.
type event struct {
	Name  string         `json:"name"`
	Phase string         `json:"ph"`
	Cat   string         `json:"cat,omitempty"`
	Time  float64        `json:"ts"`
	Dur   *float64       `json:"dur,omitempty"`
	PID   int            `json:"pid"`
	TID   int            `json:"tid"`
	Args  map[string]any `json:"args,omitempty"`
}

// write writes a rank's events. Faults stay in the writer.
func (t *Timeline) write(out *bufio.Writer, rank int, spans, loads []span) {
	first := rank == 0
	put := func(e event) {
		e.PID = rank
		text, _ := json.Marshal(e) // strings and finite numbers
		if !first {
			out.WriteByte(',')
		}
		first = false
		out.WriteByte('\n')
		out.Write(text)
	}
	put(event{Name: "process_name", Phase: "M", Args: map[string]any{"name": fmt.Sprintf("rank %d (%s)", rank, t.proc.Hosts[rank])}})
	put(event{Name: "process_sort_index", Phase: "M", Args: map[string]any{"sort_index": rank}})
	for _, s := range spans {
		dur, cat := micros(s.to-s.from), "model"
		if layers.Phase(s.what).InMoE() {
			cat = "mixture"
		}
		put(event{Name: layers.Phase(s.what).String(), Phase: "X", Cat: cat, Time: micros(s.from), Dur: &dur, Args: map[string]any{"step": s.step, "layer": s.layer}})
	}
	for _, s := range loads {
		put(event{Name: "pairs computed", Phase: "C", Time: micros(s.from), Args: map[string]any{"pairs": s.what}})
	}
}

func micros(ns int64) float64 { return float64(ns) / 1e3 }

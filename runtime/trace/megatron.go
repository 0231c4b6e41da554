package trace

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// Megatron-Core writes, with --moe-routing-trace-path DIR, a file of JSON lines per rank
// (megatron/core/transformer/moe, RouterTracer; as of 2026):
//
//	{"step": 0, "stage": "pre_dispatch", "block": "decoder", "layer": 3, "rank": 0,
//	 "num_tokens": 128, "topk": 2, "top_indices": [[12, 45], …]}
//
// What is assumed here: the ranks hold different tokens (data parallel), which come in
// order of rank within a step, so of ranks that share tokens (tensor parallel) the
// folder holds one; the scores are not there, so every choice counts the same; layers
// keep their numbers; lines of multi-token prediction (block "mtp") are left out, and
// so are hidden states and logits in files beside, but for logit_shape, [T, E]. Without
// it E is the largest id + 1, or the hint.
const megatronFiles = "router_trace_rank*.jsonl"

// megatronLine is one line: a layer's tokens on a rank in a step.
type megatronLine struct {
	Step       *int       `json:"step"`
	Stage      string     `json:"stage"`
	Block      string     `json:"block"`
	Layer      *int       `json:"layer"`
	Rank       int        `json:"rank"`
	NumTokens  *int       `json:"num_tokens"`
	TopK       *int       `json:"topk"`
	TopIndices [][]uint16 `json:"top_indices"`
	LogitShape []int      `json:"logit_shape"`

	where string // file and line
}

// openMegatron reads a file of lines, or a folder of them.
func openMegatron(path string, h Hints) (*Trace, error) {
	files := []string{path}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		files, _ = filepath.Glob(filepath.Join(path, megatronFiles))
	}
	var lines []megatronLine
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			return nil, fileError(name, err)
		}
		more, err := readMegatron(file, name)
		file.Close()
		if err != nil {
			return nil, fmt.Errorf("trace: %w", err)
		}
		lines = append(lines, more...)
	}
	t, err := joinMegatron(path, lines, h)
	if err != nil {
		return nil, fmt.Errorf("trace: %w", err)
	}
	t.Path = path
	return t, nil
}

// readMegatron reads the lines of one file that are of the model's own layers.
func readMegatron(r io.Reader, name string) (lines []megatronLine, err error) {
	in := bufio.NewReaderSize(r, 1<<16)
	for number := 1; ; number++ {
		text, err := in.ReadBytes('\n')
		if len(text) > 0 && err == nil || len(text) > 0 && errors.Is(err, io.EOF) {
			l := megatronLine{where: fmt.Sprintf("%s: line %d", name, number)}
			if err := l.parse(text); err != nil {
				return nil, fmt.Errorf("%s: %w", l.where, err)
			}
			if l.Block != "mtp" {
				lines = append(lines, l)
			}
		}
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", name, number, err)
		}
	}
}

func (l *megatronLine) parse(text []byte) error {
	if err := json.Unmarshal(text, l); err != nil {
		return fmt.Errorf("not a line of a routing trace: %w", err)
	}
	for _, f := range []struct {
		name  string
		value *int
		least int
	}{{"step", l.Step, 0}, {"layer", l.Layer, 0}, {"num_tokens", l.NumTokens, 0}, {"topk", l.TopK, 1}} {
		if f.value == nil {
			return fmt.Errorf("field %q is missing", f.name)
		}
		if *f.value < f.least {
			return fmt.Errorf("field %q is %d, want %d or more", f.name, *f.value, f.least)
		}
	}
	if *l.Layer >= MaxLayers {
		return fmt.Errorf("field \"layer\" is %d, want 0 to %d", *l.Layer, MaxLayers-1)
	}
	if len(l.TopIndices) != *l.NumTokens {
		return fmt.Errorf("field \"top_indices\" has %d tokens, field \"num_tokens\" says %d", len(l.TopIndices), *l.NumTokens)
	}
	for i, ids := range l.TopIndices {
		if len(ids) != *l.TopK {
			return fmt.Errorf("field \"top_indices\": token %d has %d experts, field \"topk\" says %d", i, len(ids), *l.TopK)
		}
	}
	return nil
}

// joinMegatron puts the lines together: steps, in them ranks, in them tokens.
func joinMegatron(path string, lines []megatronLine, h Hints) (*Trace, error) {
	if len(lines) == 0 {
		return nil, fmt.Errorf("%s: 0 lines of a routing trace, want 1 or more", path)
	}
	slices.SortStableFunc(lines, func(a, b megatronLine) int {
		return cmp.Or(cmp.Compare(*a.Step, *b.Step), cmp.Compare(*a.Layer, *b.Layer), cmp.Compare(a.Rank, b.Rank))
	})
	t := &Trace{Info: Info{TopK: *lines[0].TopK, Recorded: *lines[0].TopK, Stepped: true, Unscored: true, Origin: "Megatron routing trace"}}
	for _, l := range lines {
		if n, found := slices.BinarySearch(t.Layers, *l.Layer); !found {
			t.Layers = slices.Insert(t.Layers, n, *l.Layer)
		}
		if len(l.LogitShape) == 2 {
			h.Experts = max(h.Experts, l.LogitShape[1])
		}
	}
	t.Choices = make([]Choices, len(t.Layers))
	for from := 0; from < len(lines); {
		to := from
		for to < len(lines) && *lines[to].Step == *lines[from].Step {
			to++
		}
		if err := t.addMegatron(lines[from:to]); err != nil {
			return nil, err
		}
		from = to
	}
	most := 0
	for i := range t.Choices {
		t.Choices[i].Score = slices.Repeat([]float32{1 / float32(t.TopK)}, len(t.Choices[i].Expert))
		for _, e := range t.Choices[i].Expert {
			most = max(most, int(e)+1)
		}
	}
	if t.Experts = h.Experts; h.Experts == 0 {
		t.Experts = most
	}
	if most > t.Experts {
		return nil, fmt.Errorf("%s: expert %d, want 0 to %d", path, most-1, t.Experts-1)
	}
	return t, nil
}

// addMegatron adds the lines of one step, ordered by layer and rank.
func (t *Trace) addMegatron(lines []megatronLine) error {
	type part struct{ rank, tokens int }
	var first []part
	tokens := 0
	for at, i := 0, 0; i < len(t.Layers); i++ {
		var parts []part
		for ; at < len(lines) && *lines[at].Layer == t.Layers[i]; at++ {
			l := lines[at]
			if *l.TopK != t.TopK {
				return fmt.Errorf("%s: field \"topk\" is %d, elsewhere %d", l.where, *l.TopK, t.TopK)
			}
			if n := len(parts); n > 0 && parts[n-1].rank == l.Rank {
				return fmt.Errorf("%s: step %d, layer %d of rank %d for the second time", l.where, *l.Step, *l.Layer, l.Rank)
			}
			parts = append(parts, part{l.Rank, *l.NumTokens})
			for _, ids := range l.TopIndices {
				t.Choices[i].Expert = append(t.Choices[i].Expert, ids...)
			}
		}
		if i == 0 {
			first = parts
			for _, p := range parts {
				tokens += p.tokens
			}
		} else if !slices.Equal(parts, first) {
			return fmt.Errorf("%s: step %d: layer %d has ranks and tokens %v, layer %d %v", lines[0].where, *lines[0].Step, t.Layers[i], parts, t.Layers[0], first)
		}
	}
	if tokens > 0 {
		t.steps = append(t.steps, tokens)
		t.Tokens += tokens
	}
	return nil
}

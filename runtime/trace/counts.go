package trace

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// readCounts reads counts in JSON, of any of these:
//
//	{"total_input_tokens": N, "expert_popularity": [[…E] …layers]}     Mixtral by MMLU subject
//	{"olmoe/expert_counts/arxiv": [[…E] …layers], …}                   OLMoE and Mixtral by text domain
//	{"logical_count": [[…E] …layers] or [[[…E] …layers] …steps]}       SGLang
//
// Those by subject were published of Mixtral 8x7B, whose tokens choose 2 of 8 experts;
// N leaves out the tokens that were generated, so the tokens follow from the counts.
// Those by domain say neither the layers, which their source numbers 0, 7 and 15 where
// there are three, nor K; but sets expert_counts_top1 count first choices, and so the
// tokens of expert_counts of the same domain, and of the same model.
func readCounts(path string) ([]*Loads, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseCounts(text)
}

func parseCounts(text []byte) ([]*Loads, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, fmt.Errorf("not a JSON object of counts: %w", plainFault(err))
	}
	if counts, there := fields["logical_count"]; there {
		return parseSGLang(counts)
	}
	if counts, there := fields["expert_popularity"]; there {
		return parsePopularity(counts, fields["total_input_tokens"])
	}
	var sets []*Loads
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		l := &Loads{Set: name, Info: Info{Origin: "counts by domain", Model: firstPart(name)}}
		if err := json.Unmarshal(fields[name], &l.Pairs); err != nil {
			return nil, fmt.Errorf("field %q: want [layers, E]: %w", name, plainFault(err))
		}
		if err := l.number(); err != nil {
			return nil, fmt.Errorf("field %q: %w", name, err)
		}
		sets = append(sets, l)
	}
	if len(sets) == 0 {
		return nil, errors.New("0 sets of counts, want 1 or more")
	}
	findTopK(sets)
	return sets, nil
}

// plainFault says of a value of another type what it is, without Go's name of the type that it should have.
func plainFault(err error) error {
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("%s at byte %d", kind.Value, kind.Offset)
	}
	return err
}

// number fills in the experts and the layers' numbers.
func (l *Loads) number() error {
	if len(l.Pairs) == 0 || len(l.Pairs) > MaxLayers {
		return fmt.Errorf("%d layers, want 1 to %d", len(l.Pairs), MaxLayers)
	}
	l.Experts = len(l.Pairs[0])
	l.Layers = []int{0, 7, 15}
	if len(l.Pairs) != len(l.Layers) {
		l.Layers = l.Layers[:0]
		for i := range l.Pairs {
			l.Layers = append(l.Layers, i)
		}
	}
	return nil
}

func firstPart(name string) string {
	part, _, _ := strings.Cut(name, "/")
	return part
}

// top1 marks a set of first choices.
const top1 = "_top1/"

// findTopK fills in K where the sets say it: 1 for first choices, all choices / first
// choices for the set beside it, and what was found for another set of the model.
func findTopK(sets []*Loads) {
	byName, ofModel := map[string]*Loads{}, map[string]int{}
	for _, l := range sets {
		byName[l.Set] = l
	}
	for _, l := range sets {
		if strings.Contains(l.Set, top1) {
			l.TopK = 1
			all := byName[strings.Replace(l.Set, top1, "/", 1)]
			if first := sum(l.Pairs[0]); all != nil && first > 0 && sum(all.Pairs[0])%first == 0 {
				all.TopK = int(min(sum(all.Pairs[0])/first, MaxExperts))
				ofModel[all.Model] = all.TopK
			}
		}
	}
	for _, l := range sets {
		if l.TopK == 0 {
			l.TopK = ofModel[l.Model]
		}
	}
}

func sum(counts []int64) (n int64) {
	for _, c := range counts {
		n += c
	}
	return n
}

// parsePopularity reads counts of one subject.
func parsePopularity(counts, tokens json.RawMessage) ([]*Loads, error) {
	l := &Loads{Info: Info{Origin: "expert_popularity"}}
	var n *int64
	if err := json.Unmarshal(counts, &l.Pairs); err != nil {
		return nil, fmt.Errorf("field \"expert_popularity\": want [layers, E]: %w", plainFault(err))
	}
	if err := json.Unmarshal(tokens, &n); err != nil || n == nil || *n < 1 {
		return nil, fmt.Errorf("field \"total_input_tokens\" is %s, want the tokens, 1 or more", tokens)
	}
	if err := l.number(); err != nil {
		return nil, fmt.Errorf("field \"expert_popularity\": %w", err)
	}
	l.Layers = l.Layers[:0]
	for i, pairs := range l.Pairs {
		l.Layers = append(l.Layers, i)
		if got, first := sum(pairs), sum(l.Pairs[0]); got != first || got < *n {
			return nil, fmt.Errorf("field \"expert_popularity\": layer %d has %d pairs, layer 0 %d, field \"total_input_tokens\" says %d tokens", i, got, first, *n)
		}
	}
	if l.Experts == 8 {
		l.TopK = 2
	}
	return []*Loads{l}, nil
}

package trace

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// readPairs reads joint counts between layers, JSON packed by gzip:
//
//	{"olmoe/expert_counts_crosslayer/arxiv": [[[a, b, n], …] …pairs of layers], …}
//
// n tokens' choices were expert a in one recorded layer and b in the next. What is kept
// is the counts of each layer; the joint ones of different layers do not show in a plan.
func readPairs(path string) ([]*Loads, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(unpacked)
	if err != nil {
		return nil, fmt.Errorf("unpack: %w", err)
	}
	return parsePairs(text)
}

func parsePairs(text []byte) ([]*Loads, error) {
	var fields map[string][][][3]int64
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, fmt.Errorf("not a JSON object of joint counts: %w", plainFault(err))
	}
	var sets []*Loads
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		l := &Loads{Set: name, Info: Info{Origin: "joint counts by domain", Model: firstPart(name)}}
		if err := l.marginals(fields[name]); err != nil {
			return nil, fmt.Errorf("field %q: %w", name, err)
		}
		sets = append(sets, l)
	}
	if len(sets) == 0 {
		return nil, fmt.Errorf("0 sets of counts, want 1 or more")
	}
	findTopK(sets)
	return sets, nil
}

// marginals adds joint counts up by layer. A layer between two pairs is in both, with
// the same counts.
func (l *Loads) marginals(pairs [][][3]int64) error {
	if len(pairs) == 0 {
		return fmt.Errorf("0 pairs of layers, want 1 or more")
	}
	experts := int64(0)
	for _, joint := range pairs {
		for i, p := range joint {
			if p[0] < 0 || p[1] < 0 || p[2] < 0 || max(p[0], p[1]) >= MaxExperts {
				return fmt.Errorf("entry %d is %v, want experts below %d and a count", i, p, MaxExperts)
			}
			experts = max(experts, p[0]+1, p[1]+1)
		}
	}
	for at, joint := range pairs {
		from, to := make([]int64, experts), make([]int64, experts)
		for _, p := range joint {
			from[p[0]] += p[2]
			to[p[1]] += p[2]
		}
		if at == 0 {
			l.Pairs = append(l.Pairs, from)
		} else if before := l.Pairs[at]; !slices.Equal(before, from) {
			return fmt.Errorf("layer %d has %d tokens' choices in one pair of layers and %d in the next, or others", at, sum(before), sum(from))
		}
		l.Pairs = append(l.Pairs, to)
	}
	l.Set = strings.Replace(l.Set, "_crosslayer", "", 1)
	return l.number()
}

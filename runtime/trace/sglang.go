package trace

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
)

// maxCounts is the most counts that a few lines may make a reader hold.
const maxCounts = 1 << 24

// SGLang's expert distribution recorder has written, as of 2025 and 2026:
//
//	expert_distribution_rank0_….csv      layer_id,expert_id,count     its first version
//	expert_distribution_recorder_….pt    {"logical_count": [steps, layers, E], …}, torch.save, mode stat
//
// The second is also read as JSON of the same keys, as --init-expert-location of SGLang
// does: [layers, E], or [steps, layers, E], which are added up. What is assumed: layers are numbered from 0, those without experts have
// no counts and are left out; a file holds the counts of all ranks (the CSV of one rank
// holds its tokens); K is not there, and has to be given.
func readSGLang(path string) ([]*Loads, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return parseSGLangCSV(file)
}

func parseSGLangCSV(r io.Reader) ([]*Loads, error) {
	in := csv.NewReader(r)
	in.FieldsPerRecord = 3
	header, err := in.Read()
	if err != nil || header[0] != "layer_id" || header[1] != "expert_id" || header[2] != "count" {
		return nil, fmt.Errorf("line 1 is %q, want layer_id,expert_id,count", header)
	}
	var counts [][]int64 // [layers][experts seen]
	experts := 0
	for {
		fields, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		line, _ := in.FieldPos(0)
		var v [3]int64
		for i, most := range [3]int64{MaxLayers - 1, MaxExperts - 1, 1 << 40} {
			n, err := strconv.ParseInt(fields[i], 10, 64)
			if err != nil || n < 0 || n > most {
				return nil, fmt.Errorf("line %d: %s is %q, want 0 to %d", line, header[i], fields[i], most)
			}
			v[i] = n
		}
		layer, expert := int(v[0]), int(v[1])
		for len(counts) <= layer {
			counts = append(counts, nil)
		}
		for len(counts[layer]) <= expert {
			counts[layer] = append(counts[layer], 0)
		}
		counts[layer][expert] += v[2]
		experts = max(experts, expert+1)
		if len(counts)*experts > maxCounts {
			return nil, fmt.Errorf("line %d: %d layers of %d experts, want at most %d counts", line, len(counts), experts, maxCounts)
		}
	}
	for i := range counts {
		counts[i] = append(counts[i], make([]int64, experts-len(counts[i]))...)
	}
	return sglangLoads(counts)
}

// parseSGLang reads the value of "logical_count".
func parseSGLang(text json.RawMessage) ([]*Loads, error) {
	var counts [][]int64
	if json.Unmarshal(text, &counts) == nil {
		return sglangLoads(counts)
	}
	var steps [][][]int64
	if err := json.Unmarshal(text, &steps); err != nil {
		return nil, fmt.Errorf("field \"logical_count\": want [layers, E] or [steps, layers, E]: %w", plainFault(err))
	}
	if len(steps) == 0 {
		return nil, fmt.Errorf("field \"logical_count\" has 0 steps, want 1 or more")
	}
	counts = nil
	for _, layer := range steps[0] {
		counts = append(counts, make([]int64, len(layer)))
	}
	for s, step := range steps {
		if len(step) != len(counts) {
			return nil, fmt.Errorf("field \"logical_count\": step %d has %d layers, step 0 %d", s, len(step), len(counts))
		}
		for i, layer := range step {
			if len(layer) != len(counts[i]) {
				return nil, fmt.Errorf("field \"logical_count\": step %d, layer %d has %d experts, step 0 %d", s, i, len(layer), len(counts[i]))
			}
			for e, n := range layer {
				if err := addCount(&counts[i][e], n); err != nil {
					return nil, fmt.Errorf("field \"logical_count\": step %d, layer %d, expert %d: %w", s, i, e, err)
				}
			}
		}
	}
	return sglangLoads(counts)
}

// addCount adds a step's count to those before it.
func addCount(sum *int64, n int64) error {
	if n < 0 || n > maxPairs-*sum {
		return fmt.Errorf("count %d, want 0 to %d", n, maxPairs-*sum)
	}
	*sum += n
	return nil
}

// sglangLoads leaves out the layers without a count.
func sglangLoads(counts [][]int64) ([]*Loads, error) {
	l := &Loads{Info: Info{Origin: "SGLang expert distribution recorder"}}
	for i, pairs := range counts {
		if !slices.ContainsFunc(pairs, func(n int64) bool { return n != 0 }) {
			continue
		}
		l.Layers, l.Pairs, l.Experts = append(l.Layers, i), append(l.Pairs, pairs), len(pairs)
	}
	if len(l.Layers) == 0 {
		return nil, errors.New("0 counts, want 1 or more")
	}
	return []*Loads{l}, nil
}

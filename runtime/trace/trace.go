package trace

import (
	"fmt"
	"os"
)

// Trace is the routing of T tokens in some layers.
type Trace struct {
	Path    string
	Tokens  int  // T
	Experts int  // E
	TopK    int  // K
	Whole   bool // all E scores of a token are known, not only its top K
	Layers  []Layer
}

// Layer is the routing of one layer.
type Layer struct {
	Number int       // in the model
	Scores []float32 // [T, E]
}

// Open reads a trace: a safetensors file, or a folder of .npy files.
func Open(path string) (*Trace, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("trace: %w", err)
	}
	var t *Trace
	if info.IsDir() {
		t, err = openNPY(path)
	} else {
		t, err = openSafetensors(path)
	}
	if err != nil {
		return nil, err
	}
	if t.Tokens == 0 || len(t.Layers) == 0 {
		return nil, fmt.Errorf("trace: %s: %d tokens in %d layers, want 1 or more", path, t.Tokens, len(t.Layers))
	}
	if t.TopK < 1 || t.TopK > t.Experts {
		return nil, fmt.Errorf("trace: %s: top k %d, want 1 to the %d experts", path, t.TopK, t.Experts)
	}
	return t, nil
}

package trace

import (
	"errors"
	"fmt"

	"capmoe/layers/capacity"
)

// The sizes that a trace may have. They bound what a damaged file makes a reader ask for.
const (
	MaxExperts = 1 << 16 // ids are of two bytes
	MaxLayers  = 1 << 12
)

// Info is what a trace holds, and what is known of where it comes from.
type Info struct {
	Experts   int     `json:"experts"`             // E
	TopK      int     `json:"top_k"`               // K choices of a token
	Recorded  int     `json:"recorded"`            // M experts of a token whose scores are known, its best; K to E
	Layers    []int   `json:"layers"`              // numbers in the model, rising
	Normalize bool    `json:"normalize,omitempty"` // a choice's weight is its score / the sum over the top K
	Scale     float32 `json:"scale,omitempty"`     // and times this; 0 counts as 1
	Stepped   bool    `json:"stepped"`             // its steps are those of the run; else they are cut at will
	Unscored  bool    `json:"unscored,omitempty"`  // only the choices are known: every one has the same score
	Model     string  `json:"model,omitempty"`
	Origin    string  `json:"origin,omitempty"` // what it was made from, and how
}

// Whole tells whether all E scores of a token are known.
func (i Info) Whole() bool { return i.Recorded == i.Experts }

// Weighting is the rule from scores to weights.
func (i Info) Weighting() capacity.Weighting {
	return capacity.Weighting{Normalize: i.Normalize, Scale: i.Scale}
}

// validate reports every fault.
func (i Info) validate() error {
	var faults []error
	if i.Experts < 1 || i.Experts > MaxExperts {
		faults = append(faults, fmt.Errorf("experts %d, want 1 to %d", i.Experts, MaxExperts))
	}
	if i.TopK < 1 || i.TopK > i.Experts {
		faults = append(faults, fmt.Errorf("top k %d, want 1 to the %d experts", i.TopK, i.Experts))
	}
	if i.Recorded < i.TopK || i.Recorded > i.Experts {
		faults = append(faults, fmt.Errorf("scores of %d experts a token, want top k %d to the %d experts", i.Recorded, i.TopK, i.Experts))
	}
	if len(i.Layers) == 0 {
		faults = append(faults, errors.New("0 layers, want 1 or more"))
	}
	last := -1
	for at, n := range i.Layers {
		if n <= last || n >= MaxLayers {
			faults = append(faults, fmt.Errorf("layer %d at place %d, want %d to %d", n, at, last+1, MaxLayers-1))
			break
		}
		last = n
	}
	if !(i.Scale >= 0) {
		faults = append(faults, fmt.Errorf("scale %v, want 0 or more", i.Scale))
	}
	return errors.Join(faults...)
}

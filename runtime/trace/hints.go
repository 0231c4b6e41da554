package trace

import "fmt"

// Hints are what some formats do not say. The zero value knows nothing.
type Hints struct {
	TopK    int
	Experts int
	Set     string // which of several counts in a file
}

// agree faults on a hint that is not what the recording says of itself.
func (h Hints) agree(path string, i Info) error {
	if h.TopK > 0 && h.TopK != i.TopK {
		return fmt.Errorf("trace: %s: top k is %d there, not %d", path, i.TopK, h.TopK)
	}
	if h.Experts > 0 && h.Experts != i.Experts {
		return fmt.Errorf("trace: %s: %d experts are there, not %d", path, i.Experts, h.Experts)
	}
	return nil
}

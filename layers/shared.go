package layers

import "capmoe/layers/kernel"

// shared runs the shared expert, which every rank has whole, on this rank's tokens.
type shared struct {
	hidden int
	mlp    *mlp
	y      []float32 // [T_l, H]
	gate   []float32 // [T_l]
}

// forward computes the shared expert's output for n rows x, [n, H]; nil where a layer
// has none. It is valid until the next call.
func (s *shared) forward(x []float32, n int, w *BlockWeights) []float32 {
	if w.Shared == nil {
		return nil
	}
	s.y = grow(s.y, n*s.hidden)
	s.mlp.forward(s.y, kernel.Values{F32: x}, n, w.Shared)
	if w.SharedGate == nil {
		return s.y
	}
	s.gate = grow(s.gate, n)
	w.SharedGate.MulTo(s.gate, kernel.Values{F32: x}, n)
	for t, g := range s.gate {
		row, weight := s.y[t*s.hidden:(t+1)*s.hidden], sigmoid(g)
		for i := range row {
			row[i] *= weight
		}
	}
	return s.y
}

package attribution

import (
	"fmt"
	"testing"

	"capmoe/layers"
	"capmoe/layers/capacity"
)

// A run of 58 layers of 256 experts, of which 64 steps are sampled.
func BenchmarkAttribute(b *testing.B) {
	const numLayers, experts = 58, 256
	for _, ranks := range []int{16, 256} {
		r := &Run{
			Hosts: make([]string, ranks), Dense: make([]bool, numLayers), Work: make([]float64, ranks*numLayers*int(layers.Phases)),
			Tokens: make([]int64, ranks), Rows: make([]int64, ranks*numLayers), WaitedFor: make([]float64, ranks), TopK: 8,
		}
		for i := range r.Work {
			r.Work[i] = float64(1 + i%97)
		}
		for i := range r.Rows {
			r.Rows[i] = int64(1 + i%31)
		}
		load := make([]int64, experts)
		for e := range load {
			load[e] = int64(1 + e*7%50)
		}
		for range numLayers {
			r.Load, r.Held = append(r.Load, load), append(r.Held, layers.PlacementOf(capacity.Contiguous(experts, ranks)))
		}
		for i := range 64 * numLayers {
			r.Samples = append(r.Samples, Sample{Layer: i % numLayers, Tokens: 512, Before: load, After: load})
		}
		b.Run(fmt.Sprintf("%d ranks", ranks), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Attribute(r)
			}
		})
	}
}

package layers

import "math"

// Embedding is the vectors of the vocabulary, [V, H], in the type they are stored in as far as that is smaller.
type Embedding struct {
	hidden int
	wide   []float32 // or
	half   []uint16  // bf16
}

// NewEmbedding takes vectors of H values in float32.
func NewEmbedding(vectors []float32, hidden int) Embedding {
	return Embedding{hidden: hidden, wide: vectors}
}

// NewEmbeddingBF16 takes the bits of vectors of H values in bf16.
func NewEmbeddingBF16(vectors []uint16, hidden int) Embedding {
	return Embedding{hidden: hidden, half: vectors}
}

// Read fills dst with the vectors of neighbouring ids, the first of them id.
func (e Embedding) Read(dst []float32, id int) {
	at := id * e.hidden
	if e.half == nil {
		copy(dst, e.wide[at:at+len(dst)])
		return
	}
	for i, bits := range e.half[at : at+len(dst)] {
		dst[i] = math.Float32frombits(uint32(bits) << 16)
	}
}

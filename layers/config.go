package layers

import "capmoe/layers/capacity"

// Config is a model's architecture, whatever its family. A checkpoint's config.json
// is read into it; the layers get the few numbers they need of it.
type Config struct {
	Vocab        int // V
	Hidden       int // H
	Layers       int
	MaxPositions int // longest sequence the model was made for
	Eps          float32
	Attention    AttentionConfig
	MoE          MoEConfig
}

// AttentionConfig is multi-head attention with grouped keys and values.
type AttentionConfig struct {
	Heads     int // query heads
	KVHeads   int // key and value heads; divides Heads
	HeadDim   int
	RopeTheta float64
	QKNorm    QKNorm
	Clip      float32 // limit of |q|, |k| and |v|; 0 is none
	Bias      bool    // on q, k and v
}

// QKNorm says what the RMS norm of queries and keys runs over.
type QKNorm uint8

// The norms of queries and keys.
const (
	NoQKNorm    QKNorm = iota
	WholeQKNorm        // over all heads at once (OLMoE)
	HeadQKNorm         // over each head (Qwen3)
)

// Queries and Values are the widths of the projections.
func (c AttentionConfig) Queries() int { return c.Heads * c.HeadDim }

// Values is the width of the key projection, and of the value projection.
func (c AttentionConfig) Values() int { return c.KVHeads * c.HeadDim }

// MoEConfig is a mixture of experts.
type MoEConfig struct {
	Experts   int // E
	TopK      int // K
	Inner     int // F, an expert's hidden width
	Weighting capacity.Weighting
}

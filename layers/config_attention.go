package layers

import "slices"

// AttentionConfig is causal multi-head attention: with grouped keys and values, or
// with latent ones.
type AttentionConfig struct {
	Heads   int // query heads
	KVHeads int // key and value heads; divides Heads
	HeadDim int // of queries and keys; of values too, unless they are latent
	Rope    RopeConfig
	QKNorm  QKNorm
	Clip    float32 // limit of |q|, |k| and |v|, normalised; 0 is none
	Bias    bool    // on q, k and v
	OutBias bool
	Sinks   bool // every head has a logit for looking at nothing
	Window  WindowConfig
	Latent  LatentConfig
}

// WindowConfig confines a token's view to the last tokens.
type WindowConfig struct {
	Size   int   // keys that a token sees, its own among them; 0: all before it
	Except []int // layers that see all, in rising order
}

// At is the window of a layer; 0 is none.
func (c WindowConfig) At(layer int) int {
	if _, found := slices.BinarySearch(c.Except, layer); found {
		return 0
	}
	return c.Size
}

// LatentConfig is multi-head latent attention (DeepSeek-V2, arXiv 2405.04434, section
// 2.1): keys and values are made from one short vector per token. A head's queries
// and keys are Nope elements without position, then Rope elements with it; the Rope
// elements of a key are the same for all heads. The zero value: keys and values are
// not latent.
type LatentConfig struct {
	QueryRank   int     // width of the latent query; 0: queries are made from x
	KVRank      int     // width of the latent key and value
	Nope, Rope  int     // their sum is HeadDim
	Value       int     // width of a head's values
	Eps         float32 // of the norms of the latent vectors
	ScaleFactor float32 // on top of 1/√HeadDim in the scores; 0 counts as 1
}

// On tells whether keys and values are latent.
func (c LatentConfig) On() bool { return c.KVRank > 0 }

// QKNorm says what the RMS norm of queries and keys runs over.
type QKNorm uint8

// The norms of queries and keys.
const (
	NoQKNorm    QKNorm = iota
	WholeQKNorm        // over all heads at once (OLMoE)
	HeadQKNorm         // over each head (Qwen3)
)

// Queries is the width of the query projection.
func (c AttentionConfig) Queries() int { return c.Heads * c.HeadDim }

// Values is the width of the key projection, and of the value projection.
func (c AttentionConfig) Values() int { return c.KVHeads * c.HeadDim }

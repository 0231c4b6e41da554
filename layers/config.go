package layers

import (
	"slices"

	"capmoe/layers/capacity"
)

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
	Dense        DenseConfig
}

// DenseConfig says which layers are one perceptron instead of a mixture.
type DenseConfig struct {
	Layers []int // in rising order; nil: none
	Inner  int   // its hidden width
}

// At tells whether a layer is dense.
func (c DenseConfig) At(layer int) bool {
	_, found := slices.BinarySearch(c.Layers, layer)
	return found
}

// MoEConfig is a mixture of experts.
type MoEConfig struct {
	Experts    int  // E
	TopK       int  // K
	Inner      int  // F, an expert's hidden width
	Bias       bool // on both products of an expert
	Activation Activation
	Router     RouterConfig
	Weighting  capacity.Weighting
	Shared     SharedConfig
}

// SharedConfig is the perceptron that every token goes through beside its experts.
type SharedConfig struct {
	Inner int  // its hidden width; 0: there is none
	Gated bool // its output is multiplied by sigmoid(gate·x)
}

// Activation joins the gate and up halves of a perceptron. The zero value is
// silu(gate)·up (Shazeer 2020). With a limit it is gpt-oss's
//
//	gate·sigmoid(Alpha·gate)·(up + 1)    with gate ≤ Limit and |up| ≤ Limit
type Activation struct {
	Limit float32
	Alpha float32
}

// RouterConfig says how a token's experts are scored.
type RouterConfig struct {
	Score      ScoreFunction
	Bias       bool // on the router's product
	ChoiceBias bool // added to scores for choosing only: weights are made without it
	Groups     GroupLimit
}

// ScoreFunction turns the router's product into scores.
type ScoreFunction uint8

// The score functions.
const (
	Softmax ScoreFunction = iota // over all E
	Sigmoid
)

// GroupLimit confines a token's choice to its best groups of experts (DeepSeek-V2,
// arXiv 2405.04434, section 2.2.2). The zero value confines nothing.
type GroupLimit struct {
	Groups int // equal blocks of neighbouring experts
	Keep   int // groups that a token may choose from
	Best   int // a group's score is the sum of its so many best experts'
}

// On tells whether the limit excludes anything.
func (g GroupLimit) On() bool { return g.Keep < g.Groups }

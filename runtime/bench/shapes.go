package bench

import (
	"fmt"
	"slices"
	"strings"

	"capmoe/layers"
	"capmoe/layers/capacity"
)

// Shape is the layers of a released model that have a mixture.
type Shape struct {
	Name      string         `json:"name"`
	Hidden    int            `json:"hidden"` // H
	Inner     int            `json:"inner"`  // F, of one expert
	Experts   int            `json:"experts"`
	TopK      int            `json:"top_k"`
	Shared    int            `json:"shared_inner"` // hidden width of the shared expert; 0: there is none
	Attention AttentionShape `json:"attention"`
}

// AttentionShape is the sizes of a model's attention: heads of queries, of keys and values, and their
// width; with latent ones, the widths that layers.LatentConfig has.
type AttentionShape struct {
	Heads   int `json:"heads"`
	KVHeads int `json:"kv_heads"`
	HeadDim int `json:"head_dim"`
	KVRank  int `json:"kv_rank,omitempty"`
	Rope    int `json:"rope,omitempty"`
	Value   int `json:"value,omitempty"`
}

// Shapes are the mixtures that benchmarks know.
var Shapes = []Shape{
	{Name: "olmoe", Hidden: 2048, Inner: 1024, Experts: 64, TopK: 8, Attention: AttentionShape{Heads: 16, KVHeads: 16, HeadDim: 128}},
	{Name: "mixtral", Hidden: 4096, Inner: 14336, Experts: 8, TopK: 2, Attention: AttentionShape{Heads: 32, KVHeads: 8, HeadDim: 128}},
	{Name: "qwen2-moe", Hidden: 2048, Inner: 1408, Experts: 60, TopK: 4, Shared: 5632, Attention: AttentionShape{Heads: 16, KVHeads: 16, HeadDim: 128}},
	{Name: "deepseek-v2-lite", Hidden: 2048, Inner: 1408, Experts: 64, TopK: 6, Shared: 2816, Attention: AttentionShape{Heads: 16, KVHeads: 16, HeadDim: 192, KVRank: 512, Rope: 64, Value: 128}},
	{Name: "gpt-oss", Hidden: 2880, Inner: 2880, Experts: 32, TopK: 4, Attention: AttentionShape{Heads: 64, KVHeads: 8, HeadDim: 64}},
}

// ShapeNames lists the names in the order of Shapes.
func ShapeNames() []string {
	var names []string
	for _, s := range Shapes {
		names = append(names, s.Name)
	}
	return names
}

// ShapeOf finds a shape by its name.
func ShapeOf(name string) (Shape, error) {
	i := slices.IndexFunc(Shapes, func(s Shape) bool { return s.Name == name })
	if i < 0 {
		return Shape{}, fmt.Errorf("bench: unknown shape %q, want one of %s", name, strings.Join(ShapeNames(), ", "))
	}
	return Shapes[i], nil
}

// config is a model of so many such layers.
func (s Shape) config(n int) layers.Config {
	a := s.Attention
	cfg := layers.Config{
		Vocab: stackVocab, Hidden: s.Hidden, Layers: n, MaxPositions: capacity.MaxTokens, Eps: 1e-5,
		Attention: layers.AttentionConfig{Heads: a.Heads, KVHeads: a.KVHeads, HeadDim: a.HeadDim, Rope: layers.RopeConfig{Theta: 10000}},
		MoE:       layers.MoEConfig{Experts: s.Experts, TopK: s.TopK, Inner: s.Inner, Shared: layers.SharedConfig{Inner: s.Shared}},
	}
	if a.KVRank > 0 {
		cfg.Attention.Latent = layers.LatentConfig{KVRank: a.KVRank, Nope: a.HeadDim - a.Rope, Rope: a.Rope, Value: a.Value, Eps: 1e-6}
	}
	return cfg
}

// dense is the weights of a layer that every token meets, but the router's: attention and shared expert.
func (s Shape) dense() int {
	a := s.Attention
	if a.KVRank == 0 {
		return s.Hidden*a.HeadDim*(2*a.Heads+2*a.KVHeads) + 3*s.Hidden*s.Shared
	}
	up := a.Heads * (a.HeadDim - a.Rope + a.Value)
	return s.Hidden*(a.Heads*a.HeadDim+a.KVRank+a.Rope+a.Heads*a.Value) + a.KVRank*up + 3*s.Hidden*s.Shared
}

// weights is the number of weights of one expert.
func (s Shape) weights() int { return 3 * s.Hidden * s.Inner }

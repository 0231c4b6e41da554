package runtime

import (
	"testing"

	"capmoe/layers"
)

// cachedConfigs are attentions of every kind, with room for more than two pages.
func cachedConfigs(t *testing.T) map[string]*madeModel {
	long := map[string]any{"max_position_embeddings": 200}
	models := map[string]*madeModel{
		"grouped keys and values":          newMade(t, 21, with(with(madeBase, long), map[string]any{"model_type": "mixtral", "num_local_experts": 5, "num_key_value_heads": 1})),
		"a window shorter than a page":     newMade(t, 22, with(with(madeBase, long), map[string]any{"model_type": "mixtral", "num_local_experts": 5, "sliding_window": 40})),
		"a window longer than a page":      newMade(t, 23, with(with(madeBase, long), map[string]any{"model_type": "mixtral", "num_local_experts": 5, "sliding_window": 100})),
		"latent keys and values, and yarn": newMade(t, 24, with(with(madeV2, long), map[string]any{"rope_scaling": madeYarn})),
	}
	for _, m := range models {
		m.fill()
	}
	sinks := newMade(t, 25, map[string]any{
		"model_type": "gpt_oss", "vocab_size": 29, "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 10,
		"max_position_embeddings": 200, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "intermediate_size": 64, "num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": 40,
	})
	sinks.fillGPTOSS(newMade(t, 26, sinks.config), 4, 64)
	models["sinks, and windows in every other layer"] = sinks
	return models
}

// pieces are how a sequence comes: so many tokens a step.
type pieces []int

// eachPiece cuts n tokens into pieces of a size, after a first one.
func eachPiece(n, first, size int) pieces {
	p := pieces{first}
	for at := first; at < n; at += size {
		p = append(p, min(size, n-at))
	}
	return p
}

// run puts a sequence through the model in pieces, beside another of one token a step,
// and returns its hidden states.
func (p pieces) run(e *Engine, ids []int32, cache, other *layers.Cache) ([]float32, error) {
	var all []float32
	width := e.config.Model.Hidden
	at := 0
	for _, n := range p {
		b := layers.Batch{IDs: append([]int32{3}, ids[at:at+n]...), Starts: []int32{0, 1, int32(n + 1)}, Caches: []*layers.Cache{other, cache}}
		for t := range b.IDs {
			b.Tokens = append(b.Tokens, int32(t))
		}
		hidden, err := e.model.Forward(b)
		if err != nil {
			return nil, err
		}
		all = append(all, hidden[width:]...)
		at += n
	}
	return all, nil
}

// A sequence in pieces has the bits it has whole if pieces end with pages, and its
// values if they do not; also in pages that another sequence has used.
func TestSequencesInPieces(t *testing.T) {
	const n = 150
	for rule, m := range cachedConfigs(t) {
		t.Run(rule, func(t *testing.T) {
			ids := m.text(n)
			onEngines(t, m.write(), 1, func(e *Engine) error {
				if err := e.Use(Routing{}); err != nil {
					return err
				}
				alone, err := e.step([][]int32{ids})
				if err != nil {
					return err
				}
				uncached := append([]float32(nil), alone.hidden...)
				pool := layers.NewCachePool(e.config.Model, e.opts.DType)
				whole, err := pieces{n}.run(e, ids, pool.New(), pool.New())
				if err != nil {
					return err
				}
				if err := plainReference.check(whole, uncached); err != nil {
					t.Errorf("with a cache, against without: %v", err)
				}
				for _, c := range []struct {
					name   string
					pieces pieces
					tol    tolerance
				}{
					{"pages", eachPiece(n, 64, 64), bitForBit},
					{"two pages and the rest", eachPiece(n, 128, 64), bitForBit},
					{"one token each", eachPiece(n, 1, 1), plainReference},
					{"a prompt, then one token each", eachPiece(n, 70, 1), plainReference},
					{"pieces that end anywhere", eachPiece(n, 7, 50), plainReference},
				} {
					cache, other := pool.New(), pool.New()
					got, err := c.pieces.run(e, ids, cache, other)
					if err != nil {
						return err
					}
					if err := c.tol.check(got, whole); err != nil {
						t.Errorf("%s, against whole: %v", c.name, err)
					}
					if cache.Len() != n {
						t.Errorf("%s: %d tokens are in the cache, want %d", c.name, cache.Len(), n)
					}
					cache.Free()
					other.Free()
					if cache.Len() != 0 {
						t.Errorf("%s: %d tokens are in the cache after it was freed", c.name, cache.Len())
					}
				}
				return nil
			})
		})
	}
}

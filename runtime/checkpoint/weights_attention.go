package checkpoint

import "capmoe/layers"

// attention finds grouped attention.
func (l *loader) attention(w *layers.AttentionWeights, layer int) error {
	a, hidden, n := l.cfg.Model.Attention, l.cfg.Model.Hidden, l.names
	q, k, v := part{in(layer, n.q), a.Queries()}, part{in(layer, n.k), a.Values()}, part{in(layer, n.v), a.Values()}
	if err := l.matrix(&w.QKV, "heads·head_dim × hidden_size", hidden, q, k, v); err != nil {
		return err
	}
	if err := l.matrix(&w.Out, "hidden_size × heads·head_dim", a.Queries(), part{in(layer, n.o), hidden}); err != nil {
		return err
	}
	if err := l.norms(w, layer); err != nil {
		return err
	}
	if a.Bias {
		for _, p := range []part{q, k, v} {
			var one []float32
			if err := l.vector(&one, bias(p.name), "heads·head_dim", p.rows); err != nil {
				return err
			}
			l.later(func() error { w.Bias = append(w.Bias, one...); return nil })
		}
	}
	if a.OutBias {
		if err := l.vector(&w.OutBias, bias(in(layer, n.o)), "hidden_size", hidden); err != nil {
			return err
		}
	}
	if a.Sinks {
		return l.vector(&w.Sinks, in(layer, n.sinks), "num_attention_heads", a.Heads)
	}
	return nil
}

// norms finds the norms of queries and keys, where there are any.
func (l *loader) norms(w *layers.AttentionWeights, layer int) error {
	a := l.cfg.Model.Attention
	queries, keys := a.Queries(), a.Values()
	switch a.QKNorm {
	case layers.NoQKNorm:
		return nil
	case layers.HeadQKNorm:
		queries, keys = a.HeadDim, a.HeadDim
	}
	if err := l.vector(&w.QNorm, in(layer, l.names.qNorm), "width of the query norm", queries); err != nil {
		return err
	}
	return l.vector(&w.KNorm, in(layer, l.names.kNorm), "width of the key norm", keys)
}

// latent finds latent attention.
func (l *loader) latent(w *layers.LatentWeights, layer int) error {
	a, hidden, n := l.cfg.Model.Attention, l.cfg.Model.Hidden, l.names
	if err := l.latentQueries(w, layer); err != nil {
		return err
	}
	kvDown := func(down []float32) (err error) {
		l.turnable(down[a.Latent.KVRank*hidden:], hidden)
		w.KVDown, err = l.lib.Pack(down, len(down)/hidden, hidden)
		return err
	}
	if err := l.rows(kvDown, "(kv_lora_rank + qk_rope_head_dim) × hidden_size", hidden, part{in(layer, n.kvDown), a.Latent.KVRank + a.Latent.Rope}); err != nil {
		return err
	}
	if err := l.vector(&w.KVNorm, in(layer, n.kvDownNorm), "kv_lora_rank", a.Latent.KVRank); err != nil {
		return err
	}
	up := part{in(layer, n.kvUp), a.Heads * (a.Latent.Nope + a.Latent.Value)}
	if err := l.matrix(&w.KVUp, "heads·(qk_nope_head_dim + v_head_dim) × kv_lora_rank", a.Latent.KVRank, up); err != nil {
		return err
	}
	return l.matrix(&w.Out, "hidden_size × heads·v_head_dim", a.Heads*a.Latent.Value, part{in(layer, n.o), hidden})
}

// latentQueries finds the projection of queries, or the two of latent ones.
func (l *loader) latentQueries(w *layers.LatentWeights, layer int) error {
	a, n := l.cfg.Model.Attention, l.names
	name, k := in(layer, n.q), l.cfg.Model.Hidden
	if rank := a.Latent.QueryRank; rank > 0 {
		if err := l.matrix(&w.QDown, "q_lora_rank × hidden_size", k, part{in(layer, n.qDown), rank}); err != nil {
			return err
		}
		if err := l.vector(&w.QNorm, in(layer, n.qDownNorm), "q_lora_rank", rank); err != nil {
			return err
		}
		name, k = in(layer, n.qUp), rank
	}
	queries := func(q []float32) (err error) {
		for h := range a.Heads {
			l.turnable(q[(h*a.HeadDim+a.Latent.Nope)*k:(h+1)*a.HeadDim*k], k)
		}
		w.Q, err = l.lib.Pack(q, a.Queries(), k)
		return err
	}
	return l.rows(queries, "heads·(qk_nope_head_dim + qk_rope_head_dim) × its inputs", k, part{name, a.Queries()})
}

// turnable brings rows of k columns whose products rotary embedding turns into the
// order in which layers turn them.
func (l *loader) turnable(rows []float32, k int) {
	if l.cfg.Pairs {
		halves(rows, k)
	}
}

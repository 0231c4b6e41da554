package checkpoint

import "capmoe/layers"

// attention reads grouped attention.
func (l *loader) attention(w *layers.AttentionWeights, layer int) (err error) {
	a, hidden, n := l.cfg.Model.Attention, l.cfg.Model.Hidden, l.names
	q, k, v := part{in(layer, n.q), a.Queries()}, part{in(layer, n.k), a.Values()}, part{in(layer, n.v), a.Values()}
	if w.QKV, err = l.matrix("heads·head_dim × hidden_size", hidden, q, k, v); err != nil {
		return err
	}
	if w.Out, err = l.matrix("hidden_size × heads·head_dim", a.Queries(), part{in(layer, n.o), hidden}); err != nil {
		return err
	}
	if err := l.norms(w, layer); err != nil {
		return err
	}
	if a.Bias {
		for _, p := range []part{q, k, v} {
			one, err := l.vector(bias(p.name), "heads·head_dim", p.rows)
			if err != nil {
				return err
			}
			w.Bias = append(w.Bias, one...)
		}
	}
	if a.OutBias {
		if w.OutBias, err = l.vector(bias(in(layer, n.o)), "hidden_size", hidden); err != nil {
			return err
		}
	}
	if a.Sinks {
		w.Sinks, err = l.vector(in(layer, n.sinks), "num_attention_heads", a.Heads)
	}
	return err
}

// norms reads the norms of queries and keys, where there are any.
func (l *loader) norms(w *layers.AttentionWeights, layer int) (err error) {
	a := l.cfg.Model.Attention
	queries, keys := a.Queries(), a.Values()
	switch a.QKNorm {
	case layers.NoQKNorm:
		return nil
	case layers.HeadQKNorm:
		queries, keys = a.HeadDim, a.HeadDim
	}
	if w.QNorm, err = l.vector(in(layer, l.names.qNorm), "width of the query norm", queries); err != nil {
		return err
	}
	w.KNorm, err = l.vector(in(layer, l.names.kNorm), "width of the key norm", keys)
	return err
}

// latent reads latent attention.
func (l *loader) latent(w *layers.LatentWeights, layer int) (err error) {
	a, hidden, n := l.cfg.Model.Attention, l.cfg.Model.Hidden, l.names
	if err := l.latentQueries(w, layer); err != nil {
		return err
	}
	down, err := l.rows("(kv_lora_rank + qk_rope_head_dim) × hidden_size", hidden, part{in(layer, n.kvDown), a.Latent.KVRank + a.Latent.Rope})
	if err != nil {
		return err
	}
	l.turnable(down[a.Latent.KVRank*hidden:], hidden)
	if w.KVDown, err = l.lib.Pack(down, len(down)/hidden, hidden); err != nil {
		return err
	}
	if w.KVNorm, err = l.vector(in(layer, n.kvDownNorm), "kv_lora_rank", a.Latent.KVRank); err != nil {
		return err
	}
	up := part{in(layer, n.kvUp), a.Heads * (a.Latent.Nope + a.Latent.Value)}
	if w.KVUp, err = l.matrix("heads·(qk_nope_head_dim + v_head_dim) × kv_lora_rank", a.Latent.KVRank, up); err != nil {
		return err
	}
	w.Out, err = l.matrix("hidden_size × heads·v_head_dim", a.Heads*a.Latent.Value, part{in(layer, n.o), hidden})
	return err
}

// latentQueries reads the projection of queries, or the two of latent ones.
func (l *loader) latentQueries(w *layers.LatentWeights, layer int) (err error) {
	a, n := l.cfg.Model.Attention, l.names
	name, k := in(layer, n.q), l.cfg.Model.Hidden
	if rank := a.Latent.QueryRank; rank > 0 {
		if w.QDown, err = l.matrix("q_lora_rank × hidden_size", k, part{in(layer, n.qDown), rank}); err != nil {
			return err
		}
		if w.QNorm, err = l.vector(in(layer, n.qDownNorm), "q_lora_rank", rank); err != nil {
			return err
		}
		name, k = in(layer, n.qUp), rank
	}
	q, err := l.rows("heads·(qk_nope_head_dim + qk_rope_head_dim) × its inputs", k, part{name, a.Queries()})
	if err != nil {
		return err
	}
	for h := range a.Heads {
		l.turnable(q[(h*a.HeadDim+a.Latent.Nope)*k:(h+1)*a.HeadDim*k], k)
	}
	w.Q, err = l.lib.Pack(q, a.Queries(), k)
	return err
}

// turnable brings rows of k columns whose products rotary embedding turns into the
// order in which layers turn them.
func (l *loader) turnable(rows []float32, k int) {
	if l.cfg.Pairs {
		halves(rows, k)
	}
}

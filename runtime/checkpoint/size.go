package checkpoint

import "capmoe/layers"

// size is a number of parameters: those of packed matrices, and those that are held in
// float32 whatever the matrices are in.
type size struct{ packed, wide float64 }

func matrix(rows, columns int) size { return size{packed: float64(rows) * float64(columns)} }

func wide(rows, columns int) size { return size{wide: float64(rows) * float64(columns)} }

func (s size) plus(parts ...size) size {
	for _, p := range parts {
		s.packed, s.wide = s.packed+p.packed, s.wide+p.wide
	}
	return s
}

func (s size) times(n int) size { return size{s.packed * float64(n), s.wide * float64(n)} }

// count is the size of a plausible model's part.
func (s size) count() int64 { return int64(s.packed + s.wide) }

// onlyIf is s, or nothing.
func (s size) onlyIf(has bool) size {
	if has {
		return s
	}
	return size{}
}

// sharedSize is all parameters but the experts'.
func (c *Config) sharedSize() size {
	m := c.Model
	h, dense := m.Hidden, len(m.Dense.Layers)
	return wide(m.Vocab, h).plus(
		wide(1, h),
		matrix(m.Vocab, h).onlyIf(!c.Tied),
		attentionSize(m).plus(wide(2, h)).times(m.Layers),
		matrix(3*m.Dense.Inner, h).times(dense),
		mixtureSize(m).times(m.Layers-dense),
	)
}

// mixtureSize is a mixture's parameters but the experts'.
func mixtureSize(m layers.Config) size {
	return wide(m.MoE.Experts, m.Hidden).plus(
		wide(1, m.MoE.Experts).onlyIf(m.MoE.Router.Bias),
		wide(1, m.MoE.Experts).onlyIf(m.MoE.Router.ChoiceBias),
		matrix(3*m.MoE.Shared.Inner, m.Hidden),
		wide(1, m.Hidden).onlyIf(m.MoE.Shared.Gated),
	)
}

// expertSize is one expert's parameters.
func expertSize(m layers.Config) size {
	return matrix(3*m.MoE.Inner, m.Hidden).plus(wide(1, 2*m.MoE.Inner+m.Hidden).onlyIf(m.MoE.Bias))
}

// attentionSize is one attention's parameters.
func attentionSize(m layers.Config) size {
	a := m.Attention
	if a.Latent.On() {
		return latentSize(m)
	}
	queries, values := a.Queries(), a.Values()
	return matrix(2*queries+2*values, m.Hidden).plus(
		wide(1, queries+values).onlyIf(a.QKNorm == layers.WholeQKNorm),
		wide(2, a.HeadDim).onlyIf(a.QKNorm == layers.HeadQKNorm),
		wide(1, queries+2*values).onlyIf(a.Bias),
		wide(1, m.Hidden).onlyIf(a.OutBias),
		wide(1, a.Heads).onlyIf(a.Sinks),
	)
}

// latentSize is one latent attention's parameters.
func latentSize(m layers.Config) size {
	a, l := m.Attention, m.Attention.Latent
	inputs := m.Hidden // of the projection of queries
	if l.QueryRank > 0 {
		inputs = l.QueryRank
	}
	return matrix(a.Queries(), inputs).plus(
		matrix(l.QueryRank, m.Hidden), wide(1, l.QueryRank),
		matrix(l.KVRank+l.Rope, m.Hidden), wide(1, l.KVRank),
		matrix(a.Heads*(l.Nope+l.Value), l.KVRank),
		matrix(m.Hidden, a.Heads*l.Value),
	)
}

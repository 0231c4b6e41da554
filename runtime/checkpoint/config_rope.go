package checkpoint

import (
	"bytes"
	"maps"
	"math"
	"slices"

	"capmoe/layers"
)

// ropeFields is where the stretching of rotary embedding is described: rope_scaling,
// or rope_parameters of transformers 5, which holds rope_theta too.
func ropeFields(f *fields) *fields {
	if f.has("rope_parameters") {
		if f.has("rope_scaling") {
			f.refuse("rope_scaling", "is there beside \"rope_parameters\", want one of them")
		}
		return f.object("rope_parameters")
	}
	return f.object("rope_scaling")
}

// oneForAll refuses rotary embedding that differs by type of layer: transformers 5 may have an object for each.
func oneForAll(s *fields) {
	for _, name := range slices.Sorted(maps.Keys(s.raw)) {
		if bytes.HasPrefix(s.raw[name], []byte("{")) {
			s.refuse(name, "is %s, want one rotary embedding for all layers", abridged(s.raw[name]))
		}
	}
}

// ropeType is its kind, under the newer or the older name.
func ropeType(s *fields) string {
	name := "rope_type"
	if !s.has(name) && s.has("type") {
		name = "type"
	}
	return s.oneOf(name, "default", "default", "linear", "yarn")
}

// rope reads rotary embedding, of latent attention or another.
func rope(f *fields, latent bool) layers.RopeConfig {
	s := ropeFields(f)
	oneForAll(s)
	f.assume("rope_theta", "10000")
	from := f
	if s.has("rope_theta") {
		from = s
	}
	r := layers.RopeConfig{Theta: from.positive("rope_theta")}
	for _, o := range []*fields{f, s} {
		if part := o.positiveOr("partial_rotary_factor", 1); part != 1 {
			o.refuse("partial_rotary_factor", "is %v, only 1 is supported", part)
		}
	}
	switch ropeType(s) {
	case "linear":
		r.Linear = s.positive("factor")
	case "yarn":
		r.Yarn = yarn(f, s, latent)
	}
	return r
}

// yarn reads YaRN's numbers, with the defaults of transformers and, of latent attention, of DeepSeek: transformers weighs by mscale and mscale_all_dim
// where both are there.
func yarn(f, s *fields, latent bool) layers.YarnConfig {
	y := layers.YarnConfig{
		Factor:   s.positive("factor"),
		BetaFast: s.positiveOr("beta_fast", 32),
		BetaSlow: s.positiveOr("beta_slow", 1),
		Exact:    !s.boolOr("truncate", true),
	}
	if s.has("original_max_position_embeddings") {
		y.Positions = s.size("original_max_position_embeddings")
	} else {
		y.Positions = f.size("max_position_embeddings")
	}
	// The outer one has no meaning for transformers 4, and goes first for 5.
	if outer := f.sizeOr("original_max_position_embeddings", y.Positions); outer != y.Positions {
		f.refuse("original_max_position_embeddings", "is %d, yarn stretches from %d positions, want one number", outer, y.Positions)
	}
	if y.BetaFast < y.BetaSlow {
		s.refuse("beta_fast", "is %v, less than %q %v", y.BetaFast, s.name("beta_slow"), y.BetaSlow)
	}
	over, under := weightOr(s, "mscale", 1), weightOr(s, "mscale_all_dim", 0)
	if !latent && (!s.has("mscale") || over*under == 0) {
		over, under = 1, 0
	}
	y.Amplitude = float32(s.positiveOr("attention_factor", yarnScale(y.Factor, over)/yarnScale(y.Factor, under)))
	return y
}

// latentScale is what a stretch, by YaRN or linear, multiplies the scores of latent
// attention by; a factor of 0 is no stretch.
func latentScale(f *fields, factor float64) float32 {
	m := yarnScale(factor, weightOr(ropeFields(f), "mscale_all_dim", 0))
	return float32(m * m)
}

// yarnScale is YaRN's attention factor (section 3.4 of arXiv 2309.00071), as weighted
// by DeepSeek.
func yarnScale(factor, weight float64) float64 {
	if factor <= 1 {
		return 1
	}
	return 0.1*weight*math.Log(factor) + 1
}

// weightOr reads a number that is not negative and may be missing.
func weightOr(f *fields, name string, missing float64) float64 {
	var v float64
	if f.has(name) && f.read(name, &v) && v == 0 {
		return 0
	}
	return f.positiveOr(name, missing)
}

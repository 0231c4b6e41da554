package runtime

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// plainModel runs one sequence through a made model in plain float64 loops, written
// from the papers and from what the checkpoint's own fields say: nothing of it is
// shared with the layers it is the truth for.
type plainModel struct {
	*madeModel
	ids []int32
	h   int
}

func layerName(layer int) string { return fmt.Sprintf("model.layers.%d.", layer) }
func expertName(mixture string, expert int) string {
	return fmt.Sprintf("%sexperts.%d.", mixture, expert)
}

// plainDense tells whether a layer has no mixture.
func plainDense(config map[string]any, layer int) bool {
	first, _ := config["first_k_dense_replace"].(int)
	every, _ := config["moe_layer_freq"].(int)
	step, _ := config["decoder_sparse_step"].(int)
	listed, _ := config["mlp_only_layers"].([]int)
	return layer < first || every > 0 && layer%every != 0 || step > 0 && (layer+1)%step != 0 || slices.Contains(listed, layer)
}

func (m *madeModel) plainLogits(ids []int32) []float32 {
	p := plainModel{m, ids, m.number("hidden_size")}
	x := make([][]float64, len(ids))
	for t, id := range ids {
		x[t] = slices.Clone(m.weights["model.embed_tokens.weight"][int(id)*p.h : (int(id)+1)*p.h])
	}
	for l := range m.number("num_hidden_layers") {
		name := layerName(l)
		normed := p.norms(x, name+"input_layernorm.weight")
		attention := p.grouped
		if m.number("kv_lora_rank") > 0 {
			attention = p.latent
		}
		plainAdd(x, attention(name+"self_attn.", normed))
		normed = p.norms(x, name+"post_attention_layernorm.weight")
		for t, row := range normed {
			plainAdd(x[t:t+1], [][]float64{p.feedForward(l, row)})
		}
	}
	var logits []float32
	for _, row := range p.norms(x, "model.norm.weight") {
		for _, v := range p.times("lm_head.weight", row) {
			logits = append(logits, float32(v))
		}
	}
	return logits
}

func plainAdd(x, y [][]float64) {
	for t := range x {
		for i := range x[t] {
			x[t][i] += y[t][i]
		}
	}
}

// times is weight · x.
func (p plainModel) times(name string, x []float64) []float64 {
	w, ok := p.weights[name]
	if !ok {
		panic("no tensor " + name)
	}
	y := make([]float64, len(w)/len(x))
	for i := range y {
		for j, v := range x {
			y[i] += w[i*len(x)+j] * v
		}
	}
	return y
}

func (p plainModel) norms(x [][]float64, name string) [][]float64 {
	y := make([][]float64, len(x))
	for t, row := range x {
		y[t] = p.norm(row, name, p.config["rms_norm_eps"].(float64))
	}
	return y
}

func (p plainModel) norm(x []float64, name string, eps float64) []float64 {
	mean := 0.0
	for _, v := range x {
		mean += v * v / float64(len(x))
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = v / math.Sqrt(mean+eps) * p.weights[name][i]
	}
	return y
}

// stretch is the frequencies of d elements, the factor of cos and sin, and the factor
// of latent attention's scores.
func (p plainModel) stretch(d int) (freqs []float64, amplitude, scores float64) {
	base := p.config["rope_theta"].(float64)
	s, _ := p.config["rope_scaling"].(map[string]any)
	amplitude, scores = 1, 1
	factor, _ := s["factor"].(float64)
	for i := range d / 2 {
		f := math.Pow(base, -2*float64(i)/float64(d))
		switch s["type"] {
		case "linear":
			f /= factor
		case "yarn":
			at := func(turns float64) float64 {
				return float64(d) * math.Log(float64(s["original_max_position_embeddings"].(int))/(2*math.Pi*turns)) / (2 * math.Log(base))
			}
			low, high := max(0, math.Floor(at(s["beta_fast"].(float64)))), min(float64(d-1), math.Ceil(at(s["beta_slow"].(float64))))
			if low == high {
				high += 0.001
			}
			r := min(1, max(0, (float64(i)-low)/(high-low)))
			f = f/factor*r + f*(1-r)
		}
		freqs = append(freqs, f)
	}
	if s["type"] == "yarn" {
		m := func(name string) float64 { return 0.1*s[name].(float64)*math.Log(factor) + 1 }
		amplitude, scores = m("mscale")/m("mscale_all_dim"), m("mscale_all_dim")*m("mscale_all_dim")
	}
	return freqs, amplitude, scores
}

// turn rotates pairs of x, neighbours or half its length apart, to a position.
func (p plainModel) turn(x []float64, pos int, neighbours bool) []float64 {
	freqs, amplitude, _ := p.stretch(len(x))
	y := make([]float64, len(x))
	for i, f := range freqs {
		a, b := i, i+len(freqs)
		if neighbours {
			a, b = 2*i, 2*i+1
		}
		sin, cos := math.Sincos(float64(pos) * f)
		y[a] = amplitude * (x[a]*cos - x[b]*sin)
		y[b] = amplitude * (x[b]*cos + x[a]*sin)
	}
	return y
}

// see is what a query takes from the values, each seen as its key fits.
func see(q []float64, keys, values [][]float64, scale float64) []float64 {
	p, sum := make([]float64, len(keys)), 0.0
	for i, k := range keys {
		dot := 0.0
		for j, v := range q {
			dot += v * k[j]
		}
		p[i] = math.Exp(dot * scale)
		sum += p[i]
	}
	y := make([]float64, len(values[0]))
	for i, v := range values {
		for j := range y {
			y[j] += p[i] / sum * v[j]
		}
	}
	return y
}

func (p plainModel) grouped(name string, x [][]float64) [][]float64 {
	heads, kvHeads := p.number("num_attention_heads"), p.number("num_key_value_heads")
	d := p.h / heads
	y := make([][]float64, len(x))
	for h := range heads {
		kv := h / (heads / kvHeads) * d
		var keys, values [][]float64
		for t, row := range x {
			keys = append(keys, p.turn(p.times(name+"k_proj.weight", row)[kv:kv+d], t, false))
			values = append(values, p.times(name+"v_proj.weight", row)[kv:kv+d])
			q := p.turn(p.times(name+"q_proj.weight", row)[h*d:(h+1)*d], t, false)
			from := 0
			if w := p.number("sliding_window"); w > 0 {
				from = max(0, t+1-w)
			}
			y[t] = append(y[t], see(q, keys[from:], values[from:], 1/math.Sqrt(float64(d)))...)
		}
	}
	for t := range y {
		y[t] = p.times(name+"o_proj.weight", y[t])
	}
	return y
}

func (p plainModel) latent(name string, x [][]float64) [][]float64 {
	rank, nope, rope, value := p.number("kv_lora_rank"), p.number("qk_nope_head_dim"), p.number("qk_rope_head_dim"), p.number("v_head_dim")
	_, _, scale := p.stretch(rope)
	y := make([][]float64, len(x))
	for h := range p.number("num_attention_heads") {
		var keys, values [][]float64
		for t, row := range x {
			down := p.times(name+"kv_a_proj_with_mqa.weight", row)
			kv := p.times(name+"kv_b_proj.weight", p.norm(down[:rank], name+"kv_a_layernorm.weight", 1e-6))[h*(nope+value):]
			keys = append(keys, slices.Concat(kv[:nope], p.turn(down[rank:], t, true)))
			values = append(values, kv[nope:nope+value])
			var q []float64
			if p.number("q_lora_rank") > 0 {
				q = p.times(name+"q_b_proj.weight", p.norm(p.times(name+"q_a_proj.weight", row), name+"q_a_layernorm.weight", 1e-6))
			} else {
				q = p.times(name+"q_proj.weight", row)
			}
			q = q[h*(nope+rope) : (h+1)*(nope+rope)]
			q = slices.Concat(q[:nope], p.turn(q[nope:], t, true))
			y[t] = append(y[t], see(q, keys, values, scale/math.Sqrt(float64(nope+rope)))...)
		}
	}
	for t := range y {
		y[t] = p.times(name+"o_proj.weight", y[t])
	}
	return y
}

func (p plainModel) perceptron(x []float64, gate, up, down string) []float64 {
	g, u := p.times(gate, x), p.times(up, x)
	for i := range g {
		g[i] = g[i] / (1 + math.Exp(-g[i])) * u[i]
	}
	return p.times(down, g)
}

func (p plainModel) feedForward(layer int, x []float64) []float64 {
	mlp := layerName(layer) + "mlp."
	llama := func(q string) []float64 {
		return p.perceptron(x, q+"gate_proj.weight", q+"up_proj.weight", q+"down_proj.weight")
	}
	if plainDense(p.config, layer) {
		return llama(mlp)
	}
	mixtral := p.config["model_type"] == "mixtral"
	if mixtral {
		mlp = layerName(layer) + "block_sparse_moe."
	}
	y := make([]float64, p.h)
	if p.number("n_shared_experts") > 0 {
		y = llama(mlp + "shared_experts.")
	}
	chosen, weights := p.route(mlp, x)
	for i, e := range chosen {
		q := expertName(mlp, e)
		out := llama
		if mixtral {
			out = func(q string) []float64 { return p.perceptron(x, q+"w1.weight", q+"w3.weight", q+"w2.weight") }
		}
		for j, v := range out(q) {
			y[j] += weights[i] * v
		}
	}
	return y
}

// route chooses a token's experts and their weights.
func (p plainModel) route(mlp string, x []float64) (chosen []int, weights []float64) {
	scores := p.times(mlp+"gate.weight", x)
	total := 0.0
	for _, v := range scores {
		total += math.Exp(v)
	}
	sigmoid := p.config["scoring_func"] == "sigmoid"
	by := make([]float64, len(scores)) // what experts are chosen by
	for e, v := range scores {
		scores[e] = math.Exp(v) / total
		by[e] = scores[e]
		if sigmoid {
			scores[e] = 1 / (1 + math.Exp(-v))
			by[e] = scores[e] + p.weights[mlp+"gate.e_score_correction_bias"][e]
		}
	}
	for _, e := range p.candidates(by, sigmoid)[:p.number("num_experts_per_tok")] {
		chosen, weights = append(chosen, e), append(weights, scores[e])
	}
	sum, scale := 0.0, 1.0
	for _, w := range weights {
		sum += w
	}
	normalised := p.config["norm_topk_prob"] == true || p.config["model_type"] == "mixtral"
	if f, ok := p.config["routed_scaling_factor"].(float64); ok && (sigmoid || !normalised) {
		scale = f
	}
	for i := range weights {
		if normalised {
			weights[i] /= sum
		}
		weights[i] *= scale
	}
	return chosen, weights
}

// candidates are the experts of the best groups, best first.
func (p plainModel) candidates(by []float64, bestTwo bool) []int {
	order := func(scores []float64) []int {
		ids := make([]int, len(scores))
		for i := range ids {
			ids[i] = i
		}
		slices.SortStableFunc(ids, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
		return ids
	}
	groups := p.number("n_group")
	if groups < 2 || p.config["topk_method"] == "greedy" {
		return order(by)
	}
	size := len(by) / groups
	worth := make([]float64, groups)
	for g := range worth {
		best := slices.Sorted(slices.Values(by[g*size : (g+1)*size]))
		worth[g] = best[size-1]
		if bestTwo {
			worth[g] += best[size-2]
		}
	}
	kept := order(worth)[:p.number("topk_group")]
	return slices.DeleteFunc(order(by), func(e int) bool { return !slices.Contains(kept, e/size) })
}

package runtime

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"capmoe/runtime/checkpoint"
)

// madeModel is a small random checkpoint in the making.
type madeModel struct {
	t       *testing.T
	random  *rand.Rand
	config  map[string]any
	specs   []checkpoint.Spec
	data    [][]byte
	weights map[string][]float64 // what the tensors stand for, row-major
}

func newMade(t *testing.T, seed uint64, config map[string]any) *madeModel {
	return &madeModel{t: t, random: rand.New(rand.NewPCG(seed, 7)), config: config, weights: map[string][]float64{}}
}

// write lays the model down as a folder.
func (m *madeModel) write() string {
	m.t.Helper()
	dir := m.t.TempDir()
	text, err := json.Marshal(m.config)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "config.json"), text, 0o666)
	}
	if err != nil {
		m.t.Fatal(err)
	}
	w, err := checkpoint.Create(filepath.Join(dir, "model.safetensors"), nil, m.specs)
	if err != nil {
		m.t.Fatal(err)
	}
	defer w.Abort()
	for i, spec := range m.specs {
		if err := w.Append(spec.Name, m.data[i]); err != nil {
			m.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		m.t.Fatal(err)
	}
	return dir
}

// put adds a tensor of given float32 values.
func (m *madeModel) put(name string, values []float32, shape ...int) {
	var data []byte
	exact := make([]float64, len(values))
	for i, v := range values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		exact[i] = float64(v)
	}
	m.weights[name] = exact
	m.raw(name, checkpoint.F32, data, shape...)
}

func (m *madeModel) raw(name string, d checkpoint.DType, data []byte, shape ...int) {
	m.specs = append(m.specs, checkpoint.Spec{Name: name, DType: d, Shape: shape})
	m.data = append(m.data, data)
}

// matrix adds a random matrix whose products keep the size of what they multiply.
func (m *madeModel) matrix(name string, rows, columns int) {
	m.put(name, m.normal(rows*columns, 1/math.Sqrt(float64(columns))), rows, columns)
}

// vector adds a random vector around a mean.
func (m *madeModel) vector(name string, n int, mean float64) {
	v := m.normal(n, 0.2)
	for i := range v {
		v[i] += float32(mean)
	}
	m.put(name, v, n)
}

func (m *madeModel) normal(n int, scale float64) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(m.random.NormFloat64() * scale)
	}
	return v
}

// scaled adds a random fp8 matrix and the scales of its squares.
func (m *madeModel) scaled(name string, d checkpoint.DType, rows, columns, block int) {
	across := (columns + block - 1) / block
	scales := make([]float32, (rows+block-1)/block*across)
	for i := range scales {
		scales[i] = float32((0.5 + m.random.Float64()) / math.Sqrt(float64(columns)))
	}
	bytes, exact := make([]byte, rows*columns), make([]float64, rows*columns)
	for i := range bytes {
		bytes[i] = byte(m.random.IntN(0x40)) | byte(m.random.IntN(2))<<7 // below 2
		exact[i] = float8(d, bytes[i]) * float64(scales[i/columns/block*across+i%columns/block])
	}
	m.raw(name, d, bytes, rows, columns)
	m.put(name+"_scale_inv", scales, (rows+block-1)/block, across)
	m.weights[name] = exact
}

// float8 is the value of a finite fp8 of 3 bits of fraction, E4M3, or 2, E5M2.
func float8(d checkpoint.DType, b byte) float64 {
	bits, bias := 3, 7
	if d == checkpoint.F8E5M2 {
		bits, bias = 2, 15
	}
	exponent, fraction := int(b&127)>>bits, float64(b&(1<<bits-1))
	v := math.Ldexp(float64(int(1)<<bits)+fraction, exponent-bias-bits)
	if exponent == 0 {
		v = math.Ldexp(fraction, 1-bias-bits)
	}
	if b > 127 {
		return -v
	}
	return v
}

// number is a number of the config; 0 where there is none.
func (m *madeModel) number(name string) int {
	n, _ := m.config[name].(int)
	return n
}

// fill adds all tensors that the config calls for.
func (m *madeModel) fill() {
	h := m.number("hidden_size")
	m.matrix("model.embed_tokens.weight", m.number("vocab_size"), h)
	m.matrix("lm_head.weight", m.number("vocab_size"), h)
	m.vector("model.norm.weight", h, 1)
	for l := range m.number("num_hidden_layers") {
		p := layerName(l)
		m.vector(p+"input_layernorm.weight", h, 1)
		m.vector(p+"post_attention_layernorm.weight", h, 1)
		m.fillAttention(p + "self_attn.")
		m.fillFeedForward(l)
	}
}

func (m *madeModel) fillAttention(p string) {
	h, heads := m.number("hidden_size"), m.number("num_attention_heads")
	if m.number("kv_lora_rank") == 0 {
		d := h / heads
		m.linear(p+"q_proj.weight", heads*d, h)
		m.linear(p+"k_proj.weight", m.number("num_key_value_heads")*d, h)
		m.linear(p+"v_proj.weight", m.number("num_key_value_heads")*d, h)
		m.linear(p+"o_proj.weight", h, heads*d)
		return
	}
	rank, nope, rope, value := m.number("kv_lora_rank"), m.number("qk_nope_head_dim"), m.number("qk_rope_head_dim"), m.number("v_head_dim")
	if q := m.number("q_lora_rank"); q > 0 {
		m.linear(p+"q_a_proj.weight", q, h)
		m.vector(p+"q_a_layernorm.weight", q, 1)
		m.linear(p+"q_b_proj.weight", heads*(nope+rope), q)
	} else {
		m.linear(p+"q_proj.weight", heads*(nope+rope), h)
	}
	m.linear(p+"kv_a_proj_with_mqa.weight", rank+rope, h)
	m.vector(p+"kv_a_layernorm.weight", rank, 1)
	m.linear(p+"kv_b_proj.weight", heads*(nope+value), rank)
	m.linear(p+"o_proj.weight", h, heads*value)
}

func (m *madeModel) fillFeedForward(layer int) {
	p, h, inner := layerName(layer), m.number("hidden_size"), m.number("moe_intermediate_size")
	if plainDense(m.config, layer) {
		m.perceptron(p+"mlp.", m.number("intermediate_size"))
		return
	}
	experts := m.number("n_routed_experts") + m.number("num_local_experts") + m.number("num_experts")
	if m.config["model_type"] == "mixtral" {
		m.matrix(p+"block_sparse_moe.gate.weight", experts, h)
		for e := range experts {
			q := expertName(p+"block_sparse_moe.", e)
			m.linear(q+"w1.weight", m.number("intermediate_size"), h)
			m.linear(q+"w3.weight", m.number("intermediate_size"), h)
			m.linear(q+"w2.weight", h, m.number("intermediate_size"))
		}
		return
	}
	m.matrix(p+"mlp.gate.weight", experts, h)
	if m.config["scoring_func"] == "sigmoid" {
		m.vector(p+"mlp.gate.e_score_correction_bias", experts, 0)
	}
	for e := range experts {
		m.perceptron(expertName(p+"mlp.", e), inner)
	}
	if n := m.number("n_shared_experts"); n > 0 {
		m.perceptron(p+"mlp.shared_experts.", n*inner)
	}
}

func (m *madeModel) perceptron(p string, inner int) {
	h := m.number("hidden_size")
	m.linear(p+"gate_proj.weight", inner, h)
	m.linear(p+"up_proj.weight", inner, h)
	m.linear(p+"down_proj.weight", h, inner)
}

// linear adds a matrix that is stored in fp8 where the config says so.
func (m *madeModel) linear(name string, rows, columns int) {
	if q, ok := m.config["quantization_config"].(map[string]any); ok {
		d := checkpoint.F8E4M3
		if q["fmt"] == "e5m2" {
			d = checkpoint.F8E5M2
		}
		m.scaled(name, d, rows, columns, q["weight_block_size"].([]int)[0])
		return
	}
	m.matrix(name, rows, columns)
}

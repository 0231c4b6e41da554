package main

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"

	"capmoe/runtime/checkpoint"
)

// tensorsOf lists the tensors of a model, in the order of its layers.
func tensorsOf(path string, config []byte) ([]checkpoint.Spec, error) {
	c, err := checkpoint.ParseConfig(path, config)
	if err != nil {
		return nil, err
	}
	m, a := c.Model, c.Model.Attention
	var specs []checkpoint.Spec
	add := func(name string, shape ...int) {
		specs = append(specs, checkpoint.Spec{Name: name + ".weight", DType: checkpoint.BF16, Shape: shape})
	}
	mixture, expert := "mlp", [3]string{"gate_proj", "up_proj", "down_proj"}
	switch c.Family.ModelType {
	case "mixtral":
		mixture, expert = "block_sparse_moe", [3]string{"w1", "w3", "w2"}
	case "olmoe", "qwen3_moe":
	default:
		return nil, fmt.Errorf("%s: family %s is not known here, want mixtral, olmoe or qwen3_moe", path, c.Family.ModelType)
	}
	add("model.embed_tokens", m.Vocab, m.Hidden)
	for l := range m.Layers {
		in := fmt.Sprintf("model.layers.%d.", l)
		add(in+"input_layernorm", m.Hidden)
		add(in+"self_attn.q_proj", a.Queries(), m.Hidden)
		add(in+"self_attn.k_proj", a.Values(), m.Hidden)
		add(in+"self_attn.v_proj", a.Values(), m.Hidden)
		add(in+"self_attn.o_proj", m.Hidden, a.Queries())
		switch c.Family.ModelType {
		case "olmoe":
			add(in+"self_attn.q_norm", a.Queries())
			add(in+"self_attn.k_norm", a.Values())
		case "qwen3_moe":
			add(in+"self_attn.q_norm", a.HeadDim)
			add(in+"self_attn.k_norm", a.HeadDim)
		}
		add(in+"post_attention_layernorm", m.Hidden)
		add(in+mixture+".gate", m.MoE.Experts, m.Hidden)
		for e := range m.MoE.Experts {
			own := fmt.Sprintf("%s%s.experts.%d.", in, mixture, e)
			add(own+expert[0], m.MoE.Inner, m.Hidden)
			add(own+expert[1], m.MoE.Inner, m.Hidden)
			add(own+expert[2], m.Hidden, m.MoE.Inner)
		}
	}
	add("model.norm", m.Hidden)
	if !c.Tied {
		add("lm_head", m.Vocab, m.Hidden)
	}
	return specs, nil
}

// write deals the tensors to files of about shard bytes and writes their index.
func write(dir string, specs []checkpoint.Spec, shard int64) error {
	var shards [][]checkpoint.Spec
	total, room := int64(0), int64(0)
	for _, s := range specs {
		n := size(s)
		if room < n {
			shards, room = append(shards, nil), max(shard, n)
		}
		last := len(shards) - 1
		shards[last] = append(shards[last], s)
		room -= n
		total += n
	}
	where := map[string]string{}
	for i, part := range shards {
		name := fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, len(shards))
		if err := writeShard(filepath.Join(dir, name), part, uint64(i)); err != nil {
			return err
		}
		for _, s := range part {
			where[s.Name] = name
		}
		fmt.Printf("%s: %d tensors\n", name, len(part))
	}
	index, err := json.MarshalIndent(map[string]any{"metadata": map[string]int64{"total_size": total}, "weight_map": where}, "", "  ")
	if err != nil {
		return err
	}
	fmt.Printf("%d tensors, %.2f GB\n", len(specs), float64(total)/1e9)
	return os.WriteFile(filepath.Join(dir, "model.safetensors.index.json"), index, 0o666)
}

func size(s checkpoint.Spec) int64 {
	n := int64(s.DType.Size())
	for _, d := range s.Shape {
		n *= int64(d)
	}
	return n
}

// writeShard streams random weights: normal with standard deviation 0.02 for matrices,
// one for norms.
func writeShard(path string, specs []checkpoint.Spec, seed uint64) error {
	w, err := checkpoint.Create(path, map[string]string{"format": "pt"}, specs)
	if err != nil {
		return err
	}
	defer w.Abort()
	r := rand.New(rand.NewPCG(seed, 0))
	noise := make([]byte, 1<<24)
	for i := 0; i < len(noise); i += 2 {
		putBF16(noise[i:], float32(0.02*r.NormFloat64()))
	}
	ones := make([]byte, 1<<16)
	for i := 0; i < len(ones); i += 2 {
		putBF16(ones[i:], 1)
	}
	for _, s := range specs {
		block := noise
		if len(s.Shape) == 1 {
			block = ones
		}
		for left := size(s); left > 0; {
			from := 2 * r.IntN(len(block)/4) // no two tensors alike
			piece := block[from:][:min(left, int64(len(block)-from))]
			if err := w.Append(s.Name, piece); err != nil {
				return err
			}
			left -= int64(len(piece))
		}
	}
	return w.Close()
}

// putBF16 writes the upper half of a float32.
func putBF16(dst []byte, v float32) {
	bits := math.Float32bits(v) >> 16
	dst[0], dst[1] = byte(bits), byte(bits>>8)
}

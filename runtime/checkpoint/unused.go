package checkpoint

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Beside lists the tensors that are no part of the model, and none of what released checkpoints are known to hold beside it: rotary frequencies, which
// follow from config.json; layers for predicting further tokens, as many as it says.
func (c *Config) Beside(s *Store) []string {
	n := c.Family.namesIn(s)
	return slices.DeleteFunc(s.Names(), func(name string) bool { return c.owns(n, name) || c.knows(name) })
}

// owns tells whether a tensor is of a layer of the model, or of one of the modules before and behind the layers.
func (c *Config) owns(n names, name string) bool {
	if layer := layerOf(name); layer >= 0 {
		return layer < c.Model.Layers
	}
	return slices.ContainsFunc([]string{n.embedding, n.norm, n.head}, func(weight string) bool { return strings.HasPrefix(name, strings.TrimSuffix(weight, "weight")) })
}

// knows tells whether a tensor is one that released checkpoints hold and no model of them needs.
func (c *Config) knows(name string) bool {
	layer := layerOf(name)
	return strings.Contains(name, "rotary_emb.") || layer >= c.Model.Layers && layer < c.Model.Layers+c.Behind
}

// unused is an error if the model has tensors that were not asked for, other than those of experts that other ranks hold: it is not the model that
// config.json describes.
func (l *loader) unused(held func(layer int) []int) error {
	left := slices.DeleteFunc(l.store.Names(), func(name string) bool {
		return l.asked[name] || !l.cfg.owns(l.names, name) || l.cfg.knows(name) || l.elsewhere(name, held)
	})
	if len(left) == 0 {
		return nil
	}
	return &Error{File: l.store.dir, Err: fmt.Errorf("the model that %s describes has no use for %s", configName, Abridged(left))}
}

// elsewhere tells whether a tensor is of an expert that this rank does not hold.
func (l *loader) elsewhere(name string, held func(layer int) []int) bool {
	layer := layerOf(name)
	if layer < 0 {
		return false
	}
	experts, _, _ := strings.Cut(in(layer, l.names.gate), "E.")
	rest, inExperts := strings.CutPrefix(name, experts)
	number, _, _ := strings.Cut(rest, ".")
	e, err := strconv.Atoi(number)
	return inExperts && err == nil && e < l.cfg.Model.MoE.Experts && !slices.Contains(held(layer), e)
}

// layerOf is the layer that a tensor is of, -1 for none.
func layerOf(name string) int {
	rest, inLayers := strings.CutPrefix(name, "model.layers.")
	number, _, _ := strings.Cut(rest, ".")
	layer, err := strconv.Atoi(number)
	if !inLayers || err != nil {
		return -1
	}
	return layer
}

// Abridged says how many tensors there are, and names the first.
func Abridged(tensors []string) string {
	const most = 3
	noun, more := "tensors", ""
	if len(tensors) == 1 {
		noun = "tensor"
	}
	if len(tensors) > most {
		more = ", …"
	}
	return fmt.Sprintf("%d %s (%s%s)", len(tensors), noun, strings.Join(tensors[:min(most, len(tensors))], ", "), more)
}

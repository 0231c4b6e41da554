package checkpoint

import (
	"maps"
	"slices"
	"strings"

	"capmoe/layers"
)

// Family is a model family: how its config.json and its tensors differ. Each has a
// file of its own.
type Family struct {
	ModelType string // config.json's model_type
	config    func(f *fields) layers.Config
	names     names
	together  bool // all experts of a layer in one tensor, gate and up interleaved
	pairs     bool // Config.Pairs, unless rope_interleave is false
}

// families by model_type.
var families = byModelType(&mixtral, &olmoe, &qwen2MoE, &qwen3MoE, &deepSeek, &deepSeekV2, &deepSeekV3, &kimiK2, &gptOSS)

func byModelType(list ...*Family) map[string]*Family {
	m := make(map[string]*Family, len(list))
	for _, f := range list {
		m[f.ModelType] = f
	}
	return m
}

func familyNames() string {
	return strings.Join(slices.Sorted(maps.Keys(families)), ", ")
}

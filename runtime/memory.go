package runtime

import (
	"bufio"
	"fmt"
	"os"
	"slices"

	"capmoe/collective"
	"capmoe/layers/kernel"
	"capmoe/runtime/checkpoint"
)

// MemoryEstimate is what a model's weights take on a number of ranks, from its
// config.json alone.
type MemoryEstimate struct {
	Model      string  `json:"model"`
	Ranks      int     `json:"ranks"`
	DType      string  `json:"dtype"`
	Parameters int64   `json:"parameters"`
	Active     int64   `json:"active_parameters"` // that one token meets
	Shared     int64   `json:"shared_parameters"` // that every rank has
	Experts    int     `json:"experts"`
	RankBytes  []int64 `json:"rank_bytes"`      // of each rank
	HostBytes  int64   `json:"host_bytes"`      // of the fullest host
	Available  int64   `json:"available_bytes"` // of the poorest host; 0: not known
	Fits       bool    `json:"fits"`
}

// EstimateMemory sizes a model folder, or a config.json, for ranks dealt evenly to the
// hosts of this job. All ranks call it; a fault of one fails on all.
func EstimateMemory(p Process, path string, ranks int, dtype kernel.DType) (*MemoryEstimate, error) {
	config, err := readAnyConfig(path)
	if err == nil && ranks > config.Model.MoE.Experts {
		err = fmt.Errorf("runtime: %d ranks for a model of %d experts (%s): every rank owns at least one", ranks, config.Model.MoE.Experts, config.File)
	}
	if err := collective.Agree(p.Comm, err); err != nil {
		return nil, err
	}
	available := []int64{AvailableMemory()}
	if err := collective.AllReduce(p.Comm, collective.Min, available); err != nil {
		return nil, err
	}
	bytes := 4
	if dtype == kernel.BF16 {
		bytes = 2
	}
	e := config.Estimate(ranks, bytes)
	hosts := int(slices.Max(nodesOf(p.Hosts))) + 1
	m := &MemoryEstimate{
		Model: path, Ranks: ranks, DType: dtype.String(), Parameters: e.Parameters, Active: e.Active, Shared: e.Shared,
		Experts: config.Model.MoE.Experts, RankBytes: e.RankBytes, Available: available[0],
	}
	m.HostBytes = slices.Max(e.RankBytes) * int64((ranks+hosts-1)/hosts)
	m.Fits = m.Available == 0 || m.HostBytes <= m.Available
	return m, nil
}

// readAnyConfig reads a model folder's config.json, or the file itself.
func readAnyConfig(path string) (*checkpoint.Config, error) {
	if info, err := os.Stat(path); err != nil || info.IsDir() {
		return checkpoint.ReadConfig(path)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("runtime: %w", err)
	}
	return checkpoint.ParseConfig(path, data)
}

// Finding puts the estimate in a line.
func (m *MemoryEstimate) Finding() Finding {
	gib := func(n int64) string { return fmt.Sprintf("%.2f GiB", float64(n)/(1<<30)) }
	billions := func(n int64) string { return fmt.Sprintf("%.3f B", float64(n)/1e9) }
	f := Finding{What: "model", OK: m.Fits, Text: fmt.Sprintf("%s parameters, %s active; %d ranks in %s: at most %s of weights a rank, %s on the fullest host, %s available",
		billions(m.Parameters), billions(m.Active), m.Ranks, m.DType, gib(slices.Max(m.RankBytes)), gib(m.HostBytes), gib(m.Available))}
	if !m.Fits {
		f.Fix = "use more hosts, or --dtype bf16; buffers and caches come on top"
	}
	return f
}

// AvailableMemory is MemAvailable of /proc/meminfo in bytes, 0 where it is not known.
func AvailableMemory() int64 {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var kib int64
		if n, _ := fmt.Sscanf(lines.Text(), "MemAvailable: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	return 0
}

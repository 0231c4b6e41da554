package main

import (
	"fmt"

	"capmoe/launch/output"
	"capmoe/layers"
	"capmoe/layers/capacity"
	"capmoe/runtime/bench"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/urfave/cli/v2"
)

func benchLayerCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:      "layer",
		Usage:     "a mixture layer of a real shape under skewed routing: what drop and reroute save",
		UsageText: "mpirun -n P capmoe bench layer [flags]",
		Flags: []cli.Flag{
			shapeFlag(),
			dtypeFlag(),
			&cli.IntFlag{Name: "tokens", Value: 1024, Usage: "`T`, tokens of the step over all ranks"},
			&cli.Float64Flag{Name: "skew", Value: 1, Usage: "`EXPONENT` of the Zipf law of the experts' popularity"},
			&cli.Float64SliceFlag{Name: "moe-expert-capacity-factor", Aliases: []string{"gamma"}, Value: cli.NewFloat64Slice(1, 1.25, 1.5), Usage: "`γ`; several with commas"},
			&cli.IntFlag{Name: "repeats", Value: 5, Usage: "`N` timed runs of each policy, by turns"},
			jsonFlag(),
		},
		Action: func(c *cli.Context) error { return runBenchLayer(c, t) },
	}
}

func runBenchLayer(c *cli.Context, t terminal) error {
	lc, err := layerCaseOf(c, t)
	if err != nil {
		return err
	}
	names, policies := []string{"dropless"}, []capacity.Config{{}}
	for _, gamma := range c.Float64Slice("moe-expert-capacity-factor") {
		for _, policy := range []capacity.Policy{capacity.Drop, capacity.Reroute} {
			cfg := capacity.Config{Policy: policy, Expert: capacity.Times(gamma)}
			if err := cfg.Validate(); err != nil {
				return usagef("%v", err)
			}
			names, policies = append(names, fmt.Sprintf("%v γ=%v", policy, gamma)), append(policies, cfg)
		}
	}
	run := func() (layersMeasured, error) {
		results, err := bench.Layer(t.world.Process, lc, names, policies, c.Int("repeats"))
		return layersMeasured{lc.Shape, lc.DType.String(), lc.Tokens, lc.Skew, t.world.Comm().Size(), results}, err
	}
	return answer(c, t, run, func(m layersMeasured) { printLayers(t, lc, m.Policies) })
}

// layerCaseOf is the layer of bench layer and bench overlap.
func layerCaseOf(c *cli.Context, t terminal) (lc bench.LayerCase, err error) {
	if lc.Shape, lc.DType, err = mixtureOf(c); err != nil {
		return lc, err
	}
	lc.Tokens, lc.Skew = c.Int("tokens"), c.Float64("skew")
	if c.Int("repeats") < 1 || lc.Tokens < 1 || !(lc.Skew >= 0) {
		return lc, usagef("%s: --repeats %d, --tokens %d, --skew %v, want 1, 1 and 0 or more", nameOf(c), c.Int("repeats"), lc.Tokens, lc.Skew)
	}
	return lc, everyRankOwns(c, t.world.Comm().Size(), lc.Shape)
}

// layersMeasured is what bench layer has measured.
type layersMeasured struct {
	Shape    bench.Shape         `json:"shape"`
	DType    string              `json:"dtype"`
	Tokens   int                 `json:"tokens"`
	Skew     float64             `json:"skew"`
	Ranks    int                 `json:"ranks"`
	Policies []bench.LayerResult `json:"policies"`
}

func printLayers(t terminal, lc bench.LayerCase, results []bench.LayerResult) {
	fmt.Fprintf(t.stdout, "%s: %d experts, top %d, H %d, F %d, %v; %d tokens on %d ranks × %d threads; Zipf %v; slowest rank, median of %d by turns\n\n", lc.Shape.Name, lc.Shape.Experts, lc.Shape.TopK, lc.Shape.Hidden, lc.Shape.Inner, lc.DType, lc.Tokens, t.world.Comm().Size(), t.world.Process.Threads, lc.Skew, results[0].Count)
	tab := output.NewTable(t.stdout)
	header := table.Row{"policy", "ms", "min", "max"}
	for p := layers.Route; p <= layers.Combine; p++ {
		header = append(header, p.String()+" ms")
	}
	tab.AppendHeader(append(header, "plan share", "max rank load", "lost mass", "speed-up", "bound", "of bound"))
	for _, r := range results {
		ms := func(s float64) string { return fmt.Sprintf("%.1f", 1e3*s) }
		line := table.Row{r.Name, ms(r.Median.Seconds()), ms(r.Min.Seconds()), ms(r.Max.Seconds())}
		for p := layers.Route; p <= layers.Combine; p++ {
			line = append(line, ms(r.Phases[p.String()]))
		}
		tab.AppendRow(append(line, fmt.Sprintf("%.1f %%", 100*r.Phases[layers.Plan.String()]/r.Median.Seconds()), r.MaxLoad, fmt.Sprintf("%.4f", r.GateMassLost), fmt.Sprintf("%.2f×", r.Speedup), fmt.Sprintf("%.2f×", r.Bound), fmt.Sprintf("%.1f %%", 100*r.Speedup/r.Bound)))
	}
	tab.Render()
}

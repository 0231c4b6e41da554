// Command quality makes the table of perplexity against capacity factor for every
// policy and both scopes, and holds it against a model's reference.json where that has
// the case.
//
//	mpirun -n 4 bin/quality --model examples/tiny-olmoe --text examples/text/valid.txt
package main

import (
	"flag"
	"fmt"
	"os"

	"capmoe/collective"
	"capmoe/launch"
	"capmoe/layers"
	"capmoe/layers/capacity"
	"capmoe/runtime"
)

func main() {
	world, err := launch.Open(0)
	if err != nil {
		fmt.Fprintln(os.Stderr, "quality:", err)
		os.Exit(launch.ExitFailed)
	}
	os.Exit(world.Close(run(world, os.Args[1:]), os.Stderr))
}

// column is one policy; its cases differ in γ alone.
type column struct {
	title  string
	policy capacity.Config
	flags  []string // those of capmoe eval, as reference.json has them; nil: it has none
}

func columns() []column {
	drop := func(o capacity.Order) column {
		return column{
			title:  "drop " + o.String(),
			policy: capacity.Config{Policy: capacity.Drop, Order: o},
			flags:  []string{"--policy", "drop", "--moe-token-drop-policy", o.String()},
		}
	}
	reroute := func(rounds int, title string) column {
		return column{
			title:  "reroute " + title,
			policy: capacity.Config{Policy: capacity.Reroute, Rounds: rounds},
			flags:  []string{"--policy", "reroute", "--reroute-rounds", fmt.Sprint(rounds)},
		}
	}
	expanded := func(kind capacity.ExtraKind, title string) column {
		return column{title: "expanded " + title, policy: capacity.Config{Policy: capacity.Expanded, Extra: capacity.Extra{Kind: kind}}}
	}
	return []column{
		drop(capacity.Probs), drop(capacity.Position), drop(capacity.Last), drop(capacity.Random),
		reroute(2, "2 rounds"), reroute(3, "3 rounds"), reroute(0, "to the end"),
		expanded(capacity.OwnRank, "own"), expanded(capacity.AllExperts, "all"),
	}
}

func run(world *launch.World, args []string) error {
	flags := flag.NewFlagSet("quality", flag.ContinueOnError)
	model := flags.String("model", "examples/tiny-olmoe", "Hugging Face model `DIR`")
	text := flags.String("text", "examples/text/valid.txt", "UTF-8 text `FILE`")
	v := runtime.Evaluation{Window: 256, Batch: 8}
	flags.IntVar(&v.MaxTokens, "max-tokens", 32768, "use the first `N` tokens")
	if err := launch.ParseFlags(flags, args); err != nil {
		return err
	}
	ref, err := readReference(*model, v)
	if err := collective.Agree(world.Comm(), err); err != nil {
		return err
	}
	engine, err := runtime.Load(world.Process, *model, runtime.LoadOptions{})
	if err != nil {
		return err
	}
	ids, err := engine.ReadText(*text)
	if err != nil {
		return err
	}
	table := newTable(world.Comm().Size(), ref)
	for _, scope := range []capacity.Scope{capacity.Global, capacity.Local} {
		for _, gamma := range []float64{0.5, 1, 1.25, 1.5, 2} {
			for _, c := range columns() {
				policy := c.policy
				policy.Scope, policy.Expert = scope, capacity.Times(gamma)
				if err := engine.Use(runtime.Routing{Dialect: layers.Dialect{Policy: policy}}); err != nil {
					return err
				}
				report, err := engine.Evaluate(ids, v, func(int, int) {})
				if err != nil {
					return err
				}
				table.add(scope, gamma, c, report)
			}
			if world.Rank() == 0 {
				fmt.Fprintf(os.Stderr, "scope %v, γ %v done\n", scope, gamma)
			}
		}
	}
	if world.Rank() == 0 {
		table.print(os.Stdout)
	}
	return nil
}

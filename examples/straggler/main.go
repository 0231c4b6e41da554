// Command straggler shows what capacity does to the slowest rank: it runs the tiny
// trained model over MPI ranks without a capacity, then with Token Drop and Token
// Reroute at two capacity factors, and prints quality beside load and time.
//
//	mpirun -n 4 bin/straggler --model examples/tiny-olmoe --text examples/text/valid.txt
package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"

	"capmoe/launch"
	"capmoe/launch/output"
	"capmoe/layers"
	"capmoe/layers/capacity"
	"capmoe/runtime"
)

func main() {
	world, err := launch.Open(0)
	if err != nil {
		fmt.Fprintln(os.Stderr, "straggler:", err)
		os.Exit(launch.ExitFailed)
	}
	os.Exit(world.Close(run(world, os.Args[1:]), os.Stderr))
}

// options are the program's flags.
type options struct {
	model, text, json string
	evaluation        runtime.Evaluation
}

func parse(args []string) (options, error) {
	o := options{evaluation: runtime.Evaluation{Window: 256, Batch: 8}}
	flags := flag.NewFlagSet("straggler", flag.ContinueOnError)
	flags.StringVar(&o.model, "model", "examples/tiny-olmoe", "Hugging Face model `DIR`")
	flags.StringVar(&o.text, "text", "examples/text/valid.txt", "UTF-8 text `FILE`")
	flags.StringVar(&o.json, "json", "", "write the same numbers to `FILE`; - is standard output")
	flags.IntVar(&o.evaluation.MaxTokens, "max-tokens", 32768, "use the first `N` tokens")
	if err := launch.ParseFlags(flags, args); err != nil {
		return o, err
	}
	if err := o.evaluation.Validate(); err != nil {
		return o, &launch.UsageError{Err: err}
	}
	return o, nil
}

// cases are the columns of the table.
var cases = []capacity.Config{
	{},
	{Policy: capacity.Drop, Expert: capacity.Times(1)},
	{Policy: capacity.Drop, Expert: capacity.Times(1.5)},
	{Policy: capacity.Reroute, Expert: capacity.Times(1)},
	{Policy: capacity.Reroute, Expert: capacity.Times(1.5)},
}

func run(world *launch.World, args []string) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	stdout := io.Writer(os.Stdout)
	if world.Rank() != 0 {
		stdout = io.Discard
	}
	work := func() (results, error) {
		engine, err := runtime.Load(world.Process, o.model, runtime.LoadOptions{})
		if err != nil {
			return results{}, err
		}
		ids, err := engine.ReadText(o.text)
		if err != nil {
			return results{}, err
		}
		reports, err := measure(world, engine, ids, o.evaluation)
		if err != nil {
			return results{}, err
		}
		return newResults(reports), nil
	}
	return output.Answer(world, o.json, stdout, work, func(r results) { printTable(stdout, r.Cases, world.Process.Crowded()) })
}

// repeats is how often every case is run, by turns, for times that mean something.
const repeats = 3

// measure runs all cases by turns and returns of each the run whose mixture took the
// median time.
func measure(world *launch.World, engine *runtime.Engine, ids []int32, v runtime.Evaluation) ([]*runtime.EvaluationReport, error) {
	runs := make([][]*runtime.EvaluationReport, len(cases))
	for turn := range repeats {
		for i, policy := range cases {
			if world.Rank() == 0 {
				fmt.Fprintf(os.Stderr, "turn %d of %d: %v, γ %v\n", turn+1, repeats, policy.Policy, policy.Expert)
			}
			if err := engine.Use(runtime.Routing{Dialect: layers.Dialect{Policy: policy}}); err != nil {
				return nil, err
			}
			report, err := engine.Evaluate(ids, v, func(int, int) {})
			if err != nil {
				return nil, err
			}
			runs[i] = append(runs[i], report)
		}
	}
	medians := make([]*runtime.EvaluationReport, len(cases))
	for i, r := range runs {
		slices.SortFunc(r, func(a, b *runtime.EvaluationReport) int { return cmp.Compare(a.MoESeconds, b.MoESeconds) })
		medians[i] = r[len(r)/2]
	}
	return medians, nil
}

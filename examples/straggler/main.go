// Command straggler shows what capacity does to the slowest rank: it runs the tiny
// trained model over MPI ranks without a capacity, then with Token Drop and Token
// Reroute at two capacity factors, and prints quality beside load and time.
//
//	mpirun -n 4 bin/straggler --model examples/tiny-olmoe --text examples/text/valid.txt
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"

	"capmoe/collective"
	"capmoe/launch"
	"capmoe/layers"
	"capmoe/layers/capacity"
	"capmoe/runtime"
	"capmoe/runtime/durable"
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
	flags.SetOutput(io.Discard)
	flags.StringVar(&o.model, "model", "examples/tiny-olmoe", "Hugging Face model `DIR`")
	flags.StringVar(&o.text, "text", "examples/text/valid.txt", "UTF-8 text `FILE`")
	flags.StringVar(&o.json, "json", "", "write the same numbers to `FILE`")
	flags.IntVar(&o.evaluation.MaxTokens, "max-tokens", 32768, "use the first `N` tokens")
	if err := flags.Parse(args); err != nil {
		return o, &launch.UsageError{Err: err}
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
	engine, err := runtime.Load(world.Process, o.model, runtime.LoadOptions{})
	if err != nil {
		return err
	}
	ids, err := engine.ReadText(o.text)
	if err != nil {
		return err
	}
	var rows []row
	for i, policy := range cases {
		say(world, "\r%d of %d: %v, γ %v    ", i+1, len(cases), policy.Policy, policy.Expert)
		if err := engine.Use(runtime.Routing{Dialect: layers.Dialect{Policy: policy}}); err != nil {
			return err
		}
		report, err := engine.Evaluate(ids, o.evaluation, func(int, int) {})
		if err != nil {
			return err
		}
		rows = append(rows, newRow(report, rows))
	}
	say(world, "\r%40s\r", "")
	if world.Rank() == 0 {
		printTable(os.Stdout, rows, world.Process.Crowded)
		err = writeJSON(o.json, rows)
	}
	return collective.Agree(world.Comm(), err)
}

// say draws progress.
func say(world *launch.World, format string, args ...any) {
	if world.Rank() == 0 {
		fmt.Fprintf(os.Stderr, format, args...)
	}
}

func writeJSON(path string, rows []row) error {
	if path == "" {
		return nil
	}
	text, err := json.MarshalIndent(map[string]any{"cases": rows}, "", " ")
	if err != nil {
		return err
	}
	file, err := durable.Create(path)
	if err != nil {
		return err
	}
	defer file.Discard()
	if _, err := file.Write(append(text, '\n')); err != nil {
		return err
	}
	return file.Commit()
}

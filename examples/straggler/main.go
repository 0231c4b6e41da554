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
	if flags.NArg() > 0 {
		return o, &launch.UsageError{Err: fmt.Errorf("unexpected argument %q", flags.Arg(0))}
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
	out, err := openJSON(world, o.json)
	if err != nil {
		return err
	}
	defer out.Discard()
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
		err = writeJSON(out, rows)
	}
	return collective.Agree(world.Comm(), err)
}

// say draws progress.
func say(world *launch.World, format string, args ...any) {
	if world.Rank() == 0 {
		fmt.Fprintf(os.Stderr, format, args...)
	}
}

// openJSON starts the file of --json on rank 0, before the work; nil without one.
func openJSON(world *launch.World, path string) (*durable.File, error) {
	var file *durable.File
	var err error
	if path != "" && world.Rank() == 0 {
		if file, err = durable.Create(path); err != nil {
			err = fmt.Errorf("--json %s: %w", path, err)
		}
	}
	return file, collective.Agree(world.Comm(), err)
}

func writeJSON(file *durable.File, rows []row) error {
	if file == nil {
		return nil
	}
	text, err := json.MarshalIndent(map[string]any{"cases": rows}, "", " ")
	if err == nil {
		_, err = file.Write(append(text, '\n'))
	}
	if err == nil {
		err = file.Commit()
	}
	if err != nil {
		return fmt.Errorf("--json %s: %w", file.Path(), err)
	}
	return nil
}

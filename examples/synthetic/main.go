// Command synthetic writes a model folder of real size with random weights, in the
// layout of released checkpoints: config.json, sharded bf16 safetensors, index.
//
//	bin/synthetic --config CONFIG.json --layers 2 --out DIR
//
// It knows the families whose layers are all mixtures of plain experts: mixtral,
// olmoe, qwen3_moe.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"capmoe/launch"
	"capmoe/runtime/checkpoint"
)

func main() {
	err := run(os.Args[1:])
	var help *launch.HelpError
	var usage *launch.UsageError
	switch {
	case err == nil:
	case errors.As(err, &help):
		fmt.Fprint(os.Stderr, help.Text)
	case errors.As(err, &usage):
		fmt.Fprintln(os.Stderr, "synthetic:", err)
		os.Exit(launch.ExitUsage)
	default:
		fmt.Fprintln(os.Stderr, "synthetic:", err)
		os.Exit(launch.ExitFailed)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("synthetic", flag.ContinueOnError)
	config := flags.String("config", "", "config.json `FILE` of the released model")
	layers := flags.Int("layers", 2, "keep the first `N` layers")
	out := flags.String("out", "", "model `DIR` to write")
	shard := flags.Int64("shard-bytes", 2<<30, "start a new file after `N` bytes")
	if err := launch.ParseFlags(flags, args); err != nil {
		return err
	}
	if *config == "" || *out == "" || *layers < 1 || *shard < 1 {
		return &launch.UsageError{Err: fmt.Errorf("--config %q, --out %q, --layers %d, --shard-bytes %d: want FILE, DIR, 1 and 1 or more", *config, *out, *layers, *shard)}
	}
	text, err := os.ReadFile(*config)
	if err != nil {
		return err
	}
	if text, err = cut(text, *layers); err != nil {
		return fmt.Errorf("%s: %w", *config, err)
	}
	tensors, err := tensorsOf(*config, text)
	if err != nil {
		return err
	}
	if err := vacant(*out); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(*out, "config.json"), text, 0o666); err != nil {
		return err
	}
	return write(*out, tensors, *shard)
}

// vacant makes the folder, if need be, and is an error where it holds a model: its files would be written over, or
// stay beside those of this one.
func vacant(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if checkpoint.IsPart(e.Name()) {
			return fmt.Errorf("--out %s holds %s: a model is not written over another one", dir, e.Name())
		}
	}
	return nil
}

// cut changes the number of layers in a config, which has no fewer.
func cut(text []byte, layers int) ([]byte, error) {
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, err
	}
	if n, is := fields["num_hidden_layers"].(float64); is && float64(layers) > n {
		return nil, fmt.Errorf("--layers %d: field \"num_hidden_layers\" is %v", layers, n)
	}
	fields["num_hidden_layers"] = layers
	return json.MarshalIndent(fields, "", "  ")
}

package main

import (
	"fmt"
	"path/filepath"

	"capmoe/collective"
	"capmoe/runtime/trace"

	"github.com/urfave/cli/v2"
)

func traceConvertCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:      "convert",
		Usage:     "other people's recordings to .routing, and tokens to .safetensors",
		UsageText: "capmoe trace convert [flags] IN OUT.routing|OUT.safetensors",
		ArgsUsage: "IN OUT",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "top", Value: "all", Usage: "keep the scores of a token's best `M` experts, or all that there are"},
		}, hintFlags()...),
		Action: func(c *cli.Context) error { return runTraceConvert(c, t) },
	}
}

func runTraceConvert(c *cli.Context, t terminal) error {
	args, hints, err := recordings(c, t)
	if err != nil {
		return err
	}
	top, err := topOf(c)
	if err != nil {
		return err
	}
	ext := filepath.Ext(args[1])
	if ext != ".routing" && ext != ".safetensors" {
		return usagef("trace convert: %s ends in %q, want .routing or .safetensors", args[1], ext)
	}
	if top > 0 && ext == ".safetensors" {
		return usagef("trace convert: --top %d is for .routing, not for %s", top, args[1])
	}
	text, err := convert(args[0], args[1], hints, top)
	if err := collective.Agree(t.world.Comm(), err); err != nil {
		return err
	}
	fmt.Fprintf(t.stdout, "%s: %s\n", args[1], text)
	return nil
}

// convert writes a recording anew and says what it wrote.
func convert(in, out string, h trace.Hints, top int) (string, error) {
	loads, err := trace.IsLoads(in)
	if err != nil {
		return "", err
	}
	if loads {
		return convertLoads(in, out, h)
	}
	if filepath.Ext(out) == ".safetensors" {
		t, err := trace.Load(in, h)
		if err != nil {
			return "", err
		}
		return describeTrace(t.Info), trace.WriteSafetensors(out, t)
	}
	s, err := trace.Open(in, h)
	if err != nil {
		return "", err
	}
	defer s.Close()
	info := s.Info()
	if top > 0 && top < info.Recorded {
		info.Recorded = top
	}
	w, err := trace.Create(out, info)
	if err != nil {
		return "", err
	}
	defer w.Abort()
	if err := trace.Each(s, w.Step); err != nil {
		return "", err
	}
	return describeTrace(info), w.Close()
}

func convertLoads(in, out string, h trace.Hints) (string, error) {
	if filepath.Ext(out) == ".safetensors" {
		return "", fmt.Errorf("trace: %s holds counts by expert only, which go to .routing, not to %s", in, out)
	}
	l, err := trace.OpenLoads(in, h)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("counts of %d tokens, %d layers, %d experts, top %d", l.Tokens, len(l.Layers), l.Experts, l.TopK), l.Write(out)
}

package main

import (
	"capmoe/runtime"
	"capmoe/runtime/checkpoint"

	"github.com/urfave/cli/v2"
)

// loadModel loads the model of --model, and says what its folder holds that is no part of it.
func loadModel(c *cli.Context, t terminal, opts runtime.LoadOptions) (*runtime.Engine, error) {
	engine, err := runtime.Load(t.world.Process, c.String("model"), opts)
	if err != nil {
		return nil, err
	}
	if beside := engine.Beside(); len(beside) > 0 {
		note(c, "%s: not read, for no part of the model: %s", c.String("model"), checkpoint.Abridged(beside))
	}
	return engine, nil
}

package main

import (
	"capmoe/runtime"

	"github.com/urfave/cli/v2"
)

// timelineFlag is on commands whose steps are worth a look.
func timelineFlag() cli.Flag {
	return &cli.StringFlag{Name: "timeline", TakesFile: true, Usage: "write what every rank does when to `FILE`, in the Chrome trace format, which Perfetto opens"}
}

// openTimeline starts the timeline of --timeline; nil without it. All ranks call it.
func openTimeline(c *cli.Context, t terminal) (*runtime.Timeline, error) {
	path := c.String("timeline")
	if path == "" {
		return nil, nil
	}
	return runtime.StartTimeline(t.world.Process, path)
}

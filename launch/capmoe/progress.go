package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// quiet is how long a run may go on without a line of progress where there is no
// terminal to draw a bar on.
const quiet = 10 * time.Second

// progress tells how far a run is: a bar on a terminal, now and then a line elsewhere.
func progress(stderr io.Writer, what string) func(done, of int) {
	if f, ok := stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		var bar *progressbar.ProgressBar
		return func(done, of int) {
			if bar == nil {
				bar = progressbar.NewOptions(of, progressbar.OptionSetWriter(f), progressbar.OptionSetDescription(what),
					progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish())
			}
			bar.Set(done)
		}
	}
	last := time.Now()
	return func(done, of int) {
		if now := time.Now(); now.Sub(last) >= quiet {
			last = now
			fmt.Fprintf(stderr, "%s %d of %d\n", what, done, of)
		}
	}
}

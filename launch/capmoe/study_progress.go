package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"capmoe/runtime/study"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// studyProgress tells how far a study is: a bar on a terminal, a line for each run
// elsewhere.
type studyProgress struct {
	to       io.Writer
	terminal *os.File                 // nil: there is none
	bar      *progressbar.ProgressBar // of the terminal, once it is known how long
}

func newStudyProgress(stderr io.Writer) *studyProgress {
	s := &studyProgress{to: stderr}
	if f, ok := stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		s.terminal = f
	}
	return s
}

// update shows the run that is about to start, or has ended.
func (s *studyProgress) update(p study.Progress) {
	switch {
	case s.terminal != nil:
		s.draw(p)
	case p.Row != nil && p.Row.Failure != "":
		fmt.Fprintf(s.to, "%d of %d: %s: %s%s\n", p.Done, p.Of, p.Run.Cell.ID, p.Row.Failure, outlook(p))
	case p.Row != nil:
		fmt.Fprintf(s.to, "%d of %d: %s: %.1f s%s\n", p.Done, p.Of, p.Run.Cell.ID, p.Row.Elapsed, outlook(p))
	}
}

// draw moves the bar; what failed stays above it.
func (s *studyProgress) draw(p study.Progress) {
	if s.bar == nil {
		s.bar = progressbar.NewOptions(p.Of, progressbar.OptionSetWriter(s.terminal), progressbar.OptionShowCount(), progressbar.OptionSetWidth(20),
			progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false), progressbar.OptionClearOnFinish())
	}
	if p.Row != nil && p.Row.Failure != "" {
		s.bar.Clear()
		fmt.Fprintf(s.to, "%s: %s\n", p.Run.Cell.ID, p.Row.Failure)
	}
	s.bar.Describe(shortName(p.Run.Cell) + outlook(p))
	s.bar.Set(p.Done)
}

// end leaves the line to what comes next.
func (s *studyProgress) end() {
	if s.bar != nil {
		s.bar.Finish()
	}
}

// shortName is a cell as it fits on a line with a bar.
func shortName(c study.Cell) string {
	name := fmt.Sprintf("P %d, %s", c.Ranks, c.System)
	if c.Gamma != nil {
		name += fmt.Sprintf(" γ %g", *c.Gamma)
	}
	return name
}

// outlook is what is to come, and what went wrong so far.
func outlook(p study.Progress) string {
	text := ""
	if p.Left > 0 {
		text += fmt.Sprintf(", %v left", p.Left.Round(time.Second))
	}
	if p.Failed > 0 {
		text += fmt.Sprintf(", %d failed", p.Failed)
	}
	return text
}

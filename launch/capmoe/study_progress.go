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
	to  io.Writer
	bar *progressbar.ProgressBar // nil: there is no terminal
}

func newStudyProgress(stderr io.Writer) *studyProgress {
	s := &studyProgress{to: stderr}
	if f, ok := stderr.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		s.bar = progressbar.NewOptions(-1, progressbar.OptionSetWriter(f), progressbar.OptionShowCount(), progressbar.OptionSetWidth(20),
			progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false), progressbar.OptionClearOnFinish())
	}
	return s
}

// update shows the run that is about to start, or has ended.
func (s *studyProgress) update(p study.Progress) {
	failed := p.Row != nil && p.Row.Failure != ""
	switch {
	case s.bar != nil:
		if failed {
			s.bar.Clear()
			fmt.Fprintf(s.to, "%s: %s\n", p.Run.Cell.ID, p.Row.Failure)
		}
		s.bar.ChangeMax(p.Of)
		s.bar.Describe(describeProgress(p))
		s.bar.Set(p.Done)
	case failed:
		fmt.Fprintf(s.to, "%d of %d: %s: %s\n", p.Done, p.Of, describeProgress(p), p.Row.Failure)
	case p.Row != nil:
		fmt.Fprintf(s.to, "%d of %d: %s: %.1f s\n", p.Done, p.Of, describeProgress(p), p.Row.Elapsed)
	}
}

// end leaves the line to what comes next.
func (s *studyProgress) end() {
	if s.bar != nil {
		s.bar.Finish()
	}
}

func describeProgress(p study.Progress) string {
	text := p.Run.Cell.ID
	if p.Run.Repeat > 0 {
		text += fmt.Sprintf(" repeat %d", p.Run.Repeat)
	}
	if p.Left > 0 {
		text += fmt.Sprintf(", %v left", p.Left.Round(time.Second))
	}
	if p.Failed > 0 {
		text += fmt.Sprintf(", %d failed", p.Failed)
	}
	return text
}

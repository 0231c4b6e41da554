package launch

import (
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"
	"strings"
	"time"

	"capmoe/collective"
)

// The exit codes of every command.
const (
	ExitOK     = 0
	ExitFailed = 1
	ExitUsage  = 2
)

// UsageError is a fault of the command line. Every rank reads the same command line
// and so comes to the same error.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }
func (e *UsageError) Unwrap() error { return e.Err }

// grace is how long a rank with an error of its own waits for ranks before it to speak first, in
// case they have come to the same one: rank 0 not at all, then every two times as many ranks a
// turn longer, so that of hundreds which wait for rank 0 one or a few speak.
func grace(rank int) time.Duration {
	return time.Duration(bits.Len(uint(rank))) * 300 * time.Millisecond
}

// Close ends this process's part in the world after err, which may be nil, and
// returns the exit code. An error that all ranks share is printed by rank 0 alone; one
// that only this rank knows of is printed with rank and host, and ends all ranks.
func (w *World) Close(err error, stderr io.Writer) int {
	var help *HelpError
	var usage *UsageError
	var agreed *collective.RankError
	switch {
	case err == nil:
		if err := w.World.Close(); err != nil {
			return w.fail(err, stderr)
		}
		return ExitOK
	case errors.As(err, &help):
		w.say(stderr, "%s", help.Text)
		w.World.Close()
		return ExitOK
	case errors.As(err, &usage):
		w.say(stderr, "capmoe: %s\n", oneLine(err.Error()))
		w.World.Close()
		return ExitUsage
	case errors.As(err, &agreed):
		w.say(stderr, "capmoe: %s\n", oneLine(w.place(agreed)))
		w.World.Close()
		return ExitFailed
	}
	return w.fail(err, stderr)
}

func (w *World) say(stderr io.Writer, format string, args ...any) {
	if w.Rank() == 0 {
		fmt.Fprintf(stderr, format, args...)
	}
}

// place adds the host to an agreed error where it is one rank's own.
func (w *World) place(e *collective.RankError) string {
	if e.Failed == e.Size || e.Rank == 0 {
		return e.Text
	}
	return fmt.Sprintf("rank %d (%s): %s", e.Rank, w.Hosts()[e.Rank], e.Text)
}

// oneLine puts an error of several faults on one line, which output of other ranks
// cannot tear.
func oneLine(text string) string { return strings.ReplaceAll(text, "\n", "; ") }

// stuck says that MPI keeps this process's thread, before the process ends.
func stuck(rank int) func(*collective.StuckError) {
	return func(err *collective.StuckError) {
		tell(os.Stderr, rank, ThisMachine().Host, err)
	}
}

// tell prints a rank's own error when it is its turn to speak.
func tell(stderr io.Writer, rank int, host string, err error) {
	time.Sleep(grace(rank))
	fmt.Fprintf(stderr, "capmoe: rank %d (%s): %s\n", rank, host, oneLine(err.Error()))
}

// fail ends all ranks.
func (w *World) fail(err error, stderr io.Writer) int {
	if w.Comm().Size() == 1 {
		fmt.Fprintf(stderr, "capmoe: %s\n", oneLine(err.Error()))
		return ExitFailed
	}
	tell(stderr, w.Rank(), w.Hosts()[w.Rank()], err)
	w.Abort(ExitFailed)
	return ExitFailed
}

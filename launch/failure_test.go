package launch

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"capmoe/collective"
)

func TestClose(t *testing.T) {
	fault := errors.New("checkpoint: config.json: field \"vocab_size\" is missing")
	for _, c := range []struct {
		rule string
		err  error
		code int
		text string
	}{
		{"no error is silent", nil, ExitOK, ""},
		{"help that was asked for is no fault", fmt.Errorf("paper: %w", &HelpError{"Usage of paper:\n"}), ExitOK, "Usage of paper:\n"},
		{"a fault is told", fault, ExitFailed, "capmoe: checkpoint: config.json: field \"vocab_size\" is missing\n"},
		{"a fault of the command line has a code of its own", &UsageError{errors.New("unknown command")}, ExitUsage, "capmoe: unknown command\n"},
		{"a fault of the command line within another error too", fmt.Errorf("eval: %w", &UsageError{errors.New("no text")}), ExitUsage, "capmoe: eval: no text\n"},
		{"several faults are one line", errors.Join(errors.New("one"), errors.New("two")), ExitFailed, "capmoe: one; two\n"},
		{"a fault that all ranks know names no rank", &collective.RankError{Text: "no text", Failed: 1, Size: 1}, ExitFailed, "capmoe: no text\n"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			world, err := collective.Alone(collective.Options{})
			if err != nil {
				t.Fatal(err)
			}
			var stderr strings.Builder
			if code := (&World{World: world}).Close(c.err, &stderr); code != c.code || stderr.String() != c.text {
				t.Errorf("exit code %d, %q, want %d, %q", code, stderr.String(), c.code, c.text)
			}
		})
	}
}

// Of ranks that come to an error together one speaks first; a rank of a thousand that has it alone speaks within seconds.
func TestGrace(t *testing.T) {
	for _, c := range []struct {
		rank int
		want time.Duration
	}{{0, 0}, {1, 300 * time.Millisecond}, {2, 600 * time.Millisecond}, {3, 600 * time.Millisecond}, {1023, 3 * time.Second}} {
		if got := grace(c.rank); got != c.want {
			t.Errorf("rank %d waits %v, want %v", c.rank, got, c.want)
		}
	}
}

// A usage error keeps what it was made of.
func TestUsageErrorUnwraps(t *testing.T) {
	cause := errors.New("cause")
	if err := error(&UsageError{cause}); !errors.Is(err, cause) || err.Error() != "cause" {
		t.Errorf("%v does not unwrap to its cause", err)
	}
}

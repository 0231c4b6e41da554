package launch

import (
	"errors"
	"flag"
	"fmt"
	"strings"
)

// HelpError is what a program asked for help ends with: nothing failed, and rank 0 shows the text.
type HelpError struct{ Text string }

func (e *HelpError) Error() string { return e.Text }

// ParseFlags reads the command line of a program that takes flags alone. It fails with a HelpError
// where it asks for help, with a UsageError where it is wrong.
func ParseFlags(flags *flag.FlagSet, args []string) error {
	var help strings.Builder
	flags.SetOutput(&help)
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return &HelpError{Text: help.String()}
	case err != nil:
		return &UsageError{Err: err}
	case flags.NArg() > 0:
		return &UsageError{Err: fmt.Errorf("unexpected argument %q", flags.Arg(0))}
	}
	return nil
}

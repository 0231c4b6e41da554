package launch

import (
	"errors"
	"flag"
	"strings"
	"testing"
)

// Asked for help a program shows its flags; a wrong command line is a usage error.
func TestParseFlags(t *testing.T) {
	parse := func(args ...string) (int, error) {
		flags := flag.NewFlagSet("small", flag.ContinueOnError)
		n := flags.Int("max-tokens", 7, "use the first `N` tokens")
		return *n, ParseFlags(flags, args)
	}
	if n, err := parse(); n != 7 || err != nil {
		t.Errorf("no argument: %d, %v", n, err)
	}
	var help *HelpError
	if _, err := parse("--help"); !errors.As(err, &help) || !strings.Contains(help.Text, "-max-tokens N") || !strings.Contains(help.Text, "(default 7)") {
		t.Errorf("--help: %v", err)
	}
	for _, c := range []struct{ arg, want string }{
		{"--nope", "flag provided but not defined: -nope"},
		{"--max-tokens=x", `invalid value "x" for flag -max-tokens`},
		{"rest", `unexpected argument "rest"`},
	} {
		var usage *UsageError
		if _, err := parse(c.arg); !errors.As(err, &usage) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want a usage error with %q", c.arg, err, c.want)
		}
	}
}

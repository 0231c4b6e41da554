package main

import (
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// filesLast moves the arguments of a command that takes files behind its flags: the
// flag library reads no flag after the first argument. What follows -- stays.
func filesLast(commands []*cli.Command, args []string) []string {
	leaf, at := leafOf(commands, args)
	if leaf == nil || leaf.ArgsUsage == "" {
		return args
	}
	flags, files := slices.Clone(args[:at]), []string(nil)
	for ; at < len(args) && args[at] != "--"; at++ {
		if !strings.HasPrefix(args[at], "-") || args[at] == "-" {
			files = append(files, args[at])
			continue
		}
		flags = append(flags, args[at])
		if takesValue(leaf, args[at]) && at+1 < len(args) {
			at++
			flags = append(flags, args[at])
		}
	}
	return slices.Concat(flags, files, args[at:])
}

// leafOf is the command that the arguments name, nil for none, and where its own begin.
func leafOf(commands []*cli.Command, args []string) (leaf *cli.Command, at int) {
	for at = 1; at < len(args); at++ {
		i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(args[at]) })
		if i < 0 {
			break
		}
		leaf, commands = commands[i], commands[i].Subcommands
	}
	return leaf, at
}

// padding is the zeros before whole numbers, one or several with commas.
var padding = regexp.MustCompile(`(^|,)([-+]?)0+([0-9])`)

// unpadded takes the zeros away that scripts put before whole numbers: the flag library reads 010 as 8, and 08 not at all.
func unpadded(commands []*cli.Command, args []string) []string {
	leaf, at := leafOf(commands, args)
	if leaf == nil {
		return args
	}
	args = slices.Clone(args)
	for ; at < len(args) && strings.HasPrefix(args[at], "-") && args[at] != "--"; at++ {
		name, value, joined := strings.Cut(args[at], "=")
		whole := takesWholeNumbers(leaf, strings.TrimLeft(name, "-"))
		switch {
		case joined && whole:
			args[at] = name + "=" + padding.ReplaceAllString(value, "$1$2$3")
		case takesValue(leaf, args[at]) && at+1 < len(args):
			if at++; whole {
				args[at] = padding.ReplaceAllString(args[at], "$1$2$3")
			}
		}
	}
	return args
}

func takesWholeNumbers(c *cli.Command, name string) bool {
	return slices.ContainsFunc(c.Flags, func(flag cli.Flag) bool {
		switch flag.(type) {
		case *cli.IntFlag, *cli.IntSliceFlag, *cli.Uint64Flag:
			return slices.Contains(flag.Names(), name)
		}
		return false
	})
}

// takesValue tells whether the argument after a flag is its value.
func takesValue(c *cli.Command, arg string) bool {
	name := strings.TrimLeft(arg, "-")
	if strings.Contains(name, "=") {
		return false
	}
	for _, flag := range c.Flags {
		if slices.Contains(flag.Names(), name) {
			_, isBool := flag.(*cli.BoolFlag)
			return !isBool
		}
	}
	return false
}

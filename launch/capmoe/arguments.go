package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// filesLast moves the arguments of a command that takes files behind its flags: the
// flag library reads no flag after the first argument. What follows -- stays.
func filesLast(commands []*cli.Command, args []string) []string {
	at := 1
	var leaf *cli.Command
	for at < len(args) {
		i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(args[at]) })
		if i < 0 {
			break
		}
		leaf, commands = commands[i], commands[i].Subcommands
		at++
	}
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

package main

import (
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

func TestFilesLast(t *testing.T) {
	commands := []*cli.Command{
		{Name: "launch", Flags: []cli.Flag{&cli.IntFlag{Name: "n"}}},
		{Name: "study", Subcommands: []*cli.Command{{
			Name: "run", ArgsUsage: "[FILE]", Flags: []cli.Flag{&cli.StringFlag{Name: "out", Aliases: []string{"o"}}, &cli.BoolFlag{Name: "dry-run"}},
		}}},
	}
	for _, c := range []struct{ rule, args, want string }{
		{"a file goes behind flags", "capmoe study run f --out d", "capmoe study run --out d f"},
		{"from between them too", "capmoe study run --dry-run f --out d g", "capmoe study run --dry-run --out d f g"},
		{"a value is no file", "capmoe study run --out f g", "capmoe study run --out f g"},
		{"by any name of its flag", "capmoe study run f -o d", "capmoe study run -o d f"},
		{"or joined to it", "capmoe study run f -o=d g", "capmoe study run -o=d f g"},
		{"a file may be standard input", "capmoe study run - --out d", "capmoe study run --out d -"},
		{"what follows -- stays", "capmoe study run f -- --out d", "capmoe study run f -- --out d"},
		{"commands of other programs stay", "capmoe launch -n 2 ls -l", "capmoe launch -n 2 ls -l"},
		{"unknown commands stay", "capmoe stuty run f --out d", "capmoe stuty run f --out d"},
		{"nothing is nothing", "capmoe", "capmoe"},
	} {
		if got := strings.Join(filesLast(commands, strings.Fields(c.args)), " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.rule, got, c.want)
		}
	}
}

func TestUnpadded(t *testing.T) {
	commands := []*cli.Command{{Name: "launch", Flags: []cli.Flag{
		&cli.IntFlag{Name: "ranks", Aliases: []string{"n"}}, &cli.IntSliceFlag{Name: "rows"}, &cli.Uint64Flag{Name: "seed"},
		&cli.StringFlag{Name: "hostfile"}, &cli.BoolFlag{Name: "dry-run"},
	}}}
	for _, c := range []struct{ rule, args, want string }{
		{"a number is decimal", "capmoe launch -n 010", "capmoe launch -n 10"},
		{"joined to its flag too", "capmoe launch --seed=0080", "capmoe launch --seed=80"},
		{"and with a sign", "capmoe launch --ranks -010", "capmoe launch --ranks -10"},
		{"several are", "capmoe launch --rows 01,02,16,0,00", "capmoe launch --rows 1,2,16,0,0"},
		{"other bases say so", "capmoe launch -n 0x10 --rows 0,0b1,100", "capmoe launch -n 0x10 --rows 0,0b1,100"},
		{"texts stay", "capmoe launch --hostfile 010 --dry-run --ranks 02", "capmoe launch --hostfile 010 --dry-run --ranks 2"},
		{"commands of other programs stay", "capmoe launch -n 02 sleep -n 010", "capmoe launch -n 2 sleep -n 010"},
		{"so they do behind --", "capmoe launch -n 02 -- -n 010", "capmoe launch -n 2 -- -n 010"},
		{"a value may be missing", "capmoe launch -n", "capmoe launch -n"},
	} {
		if got := strings.Join(unpadded(commands, strings.Fields(c.args)), " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.rule, got, c.want)
		}
	}
}

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"capmoe/collective"
	"capmoe/runtime/tokenizer"

	"github.com/urfave/cli/v2"
)

func tokenizeCommand(t terminal) *cli.Command {
	return &cli.Command{
		Name:      "tokenize",
		Usage:     "JSON strings in, one a line; lists of token ids out, one a line, without special tokens",
		UsageText: "capmoe tokenize --tokenizer FILE < strings.jsonl",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "tokenizer", TakesFile: true, Usage: "tokenizer.json `FILE`"},
			&cli.BoolFlag{Name: "add-special-tokens", Usage: "add what the tokenizer's template adds, such as a beginning of text"},
			&cli.BoolFlag{Name: "decode", Usage: "the other way: lists of ids in, JSON strings out"},
		},
		Action: func(c *cli.Context) error { return runTokenize(c, t, os.Stdin) },
	}
}

// runTokenize works on rank 0; a fault there fails on all.
func runTokenize(c *cli.Context, t terminal, in io.Reader) error {
	if err := required(c, "tokenizer"); err != nil {
		return err
	}
	if c.Bool("decode") {
		noEffect(c, "with --decode", "add-special-tokens")
	}
	var err error
	if t.world.Rank() == 0 {
		err = tokenize(c, t.stdout, in)
	}
	return collective.Agree(t.world.Comm(), err)
}

func tokenize(c *cli.Context, stdout io.Writer, in io.Reader) error {
	tok, err := tokenizer.Load(c.String("tokenizer"))
	if err != nil {
		return err
	}
	convert := func(line []byte) (any, error) { return encodeLine(tok, line, c.Bool("add-special-tokens")) }
	if c.Bool("decode") {
		convert = func(line []byte) (any, error) { return decodeLine(tok, line) }
	}
	out := bufio.NewWriter(stdout)
	lines := bufio.NewReader(in)
	for number := 1; ; number++ {
		line, readErr := lines.ReadBytes('\n')
		if len(line) > 0 {
			v, err := convert(line)
			if err == nil {
				err = json.NewEncoder(out).Encode(v)
			}
			if err != nil {
				out.Flush()
				return fmt.Errorf("tokenize: line %d: %w", number, err)
			}
		}
		if readErr == io.EOF {
			return out.Flush()
		}
		if readErr != nil {
			return fmt.Errorf("tokenize: line %d: %w", number, readErr)
		}
	}
}

func encodeLine(tok *tokenizer.Tokenizer, line []byte, special bool) ([]int32, error) {
	if err := tokenizer.CheckJSON(line); err != nil {
		return nil, err
	}
	var text *string
	if err := json.Unmarshal(line, &text); err != nil {
		return nil, fmt.Errorf("not a JSON string: %w", plainFault(err))
	}
	switch {
	case text == nil:
		return nil, errors.New("null, want a JSON string")
	case special:
		return tok.EncodeWithSpecial(*text)
	}
	return tok.Encode(*text)
}

func decodeLine(tok *tokenizer.Tokenizer, line []byte) (string, error) {
	var list []*int32
	if err := json.Unmarshal(line, &list); err != nil {
		return "", fmt.Errorf("not a JSON list of token ids: %w", plainFault(err))
	}
	if list == nil {
		return "", errors.New("null, want a JSON list of token ids")
	}
	ids := make([]int32, len(list))
	for i, id := range list {
		if id == nil {
			return "", fmt.Errorf("position %d: null, want a token id", i)
		}
		if size := tok.VocabSize(); int(*id) >= size {
			return "", fmt.Errorf("position %d: id %d, the tokenizer's are 0 to %d", i, *id, size-1)
		}
		ids[i] = *id
	}
	return tok.Decode(ids)
}

// plainFault says of a value of another type what it is, without Go's name of the type that it should have.
func plainFault(err error) error {
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return errors.New(kind.Value)
	}
	return err
}

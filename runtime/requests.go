package runtime

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"capmoe/collective"
	"capmoe/runtime/checkpoint"
	"capmoe/runtime/tokenizer"
)

// Prompts says how texts become requests.
type Prompts struct {
	Defaults Request // what a line does not say; its seed is that of the job
	BOS      Switch  // a token for the beginning before every text
	Settings string  // what results of a file depend on beside the requests and the model
}

// Switch is on, off, or as a file says.
type Switch uint8

// The settings of a switch.
const (
	AsFiled Switch = iota
	On
	Off
)

// ReadRequests reads JSON lines on rank 0: an object a line, {"id", "prompt" or "tokens",
// "max_tokens", "temperature", "top_k", "top_p", "seed", "stop"}; all but the prompt may
// be missing. A request without an id is known by its number, from 0. All ranks call it
// and get the same; a fault of rank 0 fails on all.
func (e *Engine) ReadRequests(path string, p Prompts) ([]Request, error) {
	return e.share(func() ([]Request, error) {
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("runtime: requests: %w", err)
		}
		lines, err := parseRequests(data, p.Defaults)
		if err != nil {
			return nil, fmt.Errorf("runtime: requests %s: %w", path, err)
		}
		if len(lines) == 0 {
			return nil, fmt.Errorf("runtime: requests %s: no request in %d bytes", path, len(data))
		}
		enc, err := e.encoder(p.BOS, lines)
		if err != nil {
			return nil, err
		}
		model, err := checkpoint.Fingerprint(e.dir)
		if err != nil {
			return nil, err
		}
		requests := make([]Request, len(lines))
		for i, w := range lines {
			if requests[i], err = e.resolve(w, enc); err != nil {
				return nil, fmt.Errorf("runtime: requests %s: line %d: %w", path, w.line, err)
			}
			requests[i].Mark = requests[i].mark(p.Settings, model)
		}
		return requests, nil
	})
}

// Prompt makes one request of a text. All ranks call it and get the same; a fault of
// rank 0 fails on all.
func (e *Engine) Prompt(text string, p Prompts) ([]Request, error) {
	return e.share(func() ([]Request, error) {
		w := written{Request: p.Defaults, text: &text}
		w.ID = marshalID(int64(0))
		if err := tokenizer.CheckUTF8([]byte(text)); err != nil {
			return nil, fmt.Errorf("runtime: prompt is %w", err)
		}
		enc, err := e.encoder(p.BOS, []written{w})
		if err != nil {
			return nil, err
		}
		r, err := e.resolve(w, enc)
		if err != nil {
			return nil, fmt.Errorf("runtime: %w", err)
		}
		return []Request{r}, nil
	})
}

// share gives all ranks what rank 0 makes.
func (e *Engine) share(make func() ([]Request, error)) (requests []Request, err error) {
	c := e.proc.Comm
	var text []byte
	if c.Rank() == 0 {
		if requests, err = make(); err == nil {
			text, err = jsonLine(requests)
		}
	}
	if err := collective.Agree(c, err); err != nil {
		return nil, err
	}
	if text, err = shareSlice(c, text); err != nil || c.Rank() == 0 {
		return requests, err
	}
	return requests, json.Unmarshal(text, &requests)
}

// parseRequests reads the lines of a file; blank ones are passed over. No two requests
// have the same id.
func parseRequests(data []byte, defaults Request) ([]written, error) {
	var all []written
	lineOf := map[string]int{}
	number := 0
	for line := range bytes.Lines(data) {
		number++
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		defaults.Stream = uint64(len(all))
		w, err := parseRequest(line, defaults)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if w.ID == nil {
			w.ID = marshalID(int64(len(all)))
		}
		if first, taken := lineOf[string(w.ID)]; taken {
			return nil, fmt.Errorf("lines %d and %d have the same id %s", first, number, w.ID)
		}
		lineOf[string(w.ID)], w.line = number, number
		all = append(all, w)
	}
	return all, nil
}

// resolve turns a text into tokens and checks the request against the model.
func (e *Engine) resolve(w written, enc encoder) (Request, error) {
	if w.text != nil {
		var err error
		if w.Tokens, err = enc.encode(*w.text); err != nil {
			return w.Request, fmt.Errorf("prompt: %w", err)
		}
	}
	m := e.config.Model
	if len(w.Tokens) == 0 {
		return w.Request, errors.New("prompt of 0 tokens, want 1 or more")
	}
	if n := len(w.Tokens); n > m.MaxPositions {
		return w.Request, fmt.Errorf("prompt of %d tokens, max_position_embeddings is %d (%s)", n, m.MaxPositions, e.config.File)
	}
	for i, id := range w.Tokens {
		if id < 0 || int(id) >= m.Vocab {
			return w.Request, fmt.Errorf("prompt: token %d: id %d, vocab_size is %d (%s)", i, id, m.Vocab, e.config.File)
		}
	}
	return w.Request, nil
}

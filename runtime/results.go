package runtime

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"capmoe/collective"
	"capmoe/runtime/durable"
)

// Results is a file of JSON lines, a Result a line in the order in which requests are
// finished. On ranks other than 0 it is nothing.
type Results struct {
	path  string
	lines *durable.Lines
}

// OpenResults opens the file of a job's results, or makes it, and returns the requests
// that it has no result for. With anew the results that it has are given up. All ranks
// call it; a fault of rank 0 fails on all.
func (e *Engine) OpenResults(path string, requests []Request, anew bool) (*Results, []Request, error) {
	c := e.proc.Comm
	r := &Results{path: path}
	done := make([]uint8, len(requests))
	var fault error
	if c.Rank() == 0 {
		fault = r.open(requests, done, anew)
	}
	if err := collective.Agree(c, fault); err != nil {
		return nil, nil, errors.Join(err, r.Close())
	}
	if err := collective.Broadcast(c, done, 0); err != nil {
		return nil, nil, err
	}
	var left []Request
	for i, request := range requests {
		if done[i] == 0 {
			left = append(left, request)
		}
	}
	return r, left, nil
}

// open marks the requests that the file has a result for.
func (r *Results) open(requests []Request, done []uint8, anew bool) error {
	lines, held, err := durable.OpenLines(r.path, anew)
	if err != nil {
		return r.fault(err)
	}
	r.lines = lines
	place := map[string]int{}
	for i, request := range requests {
		place[string(request.ID)] = i
	}
	number := 0
	for line := range bytes.Lines(held) {
		number++
		i, err := findRequest(line, requests, place)
		if err == nil && done[i] != 0 {
			err = fmt.Errorf("a second result for id %s", requests[i].ID)
		}
		if err != nil {
			return fmt.Errorf("runtime: results %s: line %d: %w; these are not results of this job", r.path, number, err)
		}
		done[i] = 1
	}
	if err := cutResult(lines.Cut(), requests, place); err != nil {
		return fmt.Errorf("runtime: results %s: line %d: %w; these are not results of this job", r.path, number+1, err)
	}
	return nil
}

// cutResult is an error unless a line cut short may be of a result, in whose place others may come: who names
// another file by mistake keeps it.
func cutResult(line []byte, requests []Request, place map[string]int) error {
	const begin = `{"id":`
	if len(line) == 0 || strings.HasPrefix(begin, string(line)) {
		return nil
	}
	if _, err := findRequest(line, requests, place); err != nil && (json.Valid(line) || !bytes.HasPrefix(line, []byte(begin))) {
		return err
	}
	return nil
}

// findRequest is the place of the request that a line has the result for.
func findRequest(line []byte, requests []Request, place map[string]int) (int, error) {
	var result struct {
		ID           json.RawMessage `json:"id"`
		PromptTokens int             `json:"prompt_tokens"`
		FinishReason Reason          `json:"finish_reason"`
		Asked        string          `json:"asked"`
	}
	if err := json.Unmarshal(line, &result); err != nil {
		return 0, jsonFault(err, "a result")
	}
	i, known := place[string(result.ID)]
	if !known || result.FinishReason == "" {
		return 0, fmt.Errorf("no result of a request with id %s", result.ID)
	}
	if n := len(requests[i].Tokens); result.PromptTokens != n {
		return 0, fmt.Errorf("id %s had a prompt of %d tokens, the request has one of %d", result.ID, result.PromptTokens, n)
	}
	if err := sameMark(result.Asked, requests[i].Mark); err != nil {
		return 0, fmt.Errorf("id %s: %w", result.ID, err)
	}
	return i, nil
}

// Append adds results, each a line; when it returns they are on disk.
func (r *Results) Append(results []Result) error {
	var lines []byte
	for _, result := range results {
		line, err := jsonLine(result)
		if err != nil {
			return r.fault(err)
		}
		lines = append(lines, line...)
	}
	if err := r.lines.Append(lines); err != nil {
		return r.fault(err)
	}
	return nil
}

// Close ends the file.
func (r *Results) Close() error {
	if r.lines == nil {
		return nil
	}
	return r.lines.Close()
}

// fault names the file once.
func (r *Results) fault(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = fmt.Errorf("%s: %w", path.Op, path.Err)
	}
	return fmt.Errorf("runtime: results %s: %w", r.path, err)
}

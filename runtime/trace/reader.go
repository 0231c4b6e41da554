package trace

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
)

// reader reads a file FILE.routing block by block.
type reader struct {
	path string
	file *os.File // nil: there is none
	in   *bufio.Reader
	size int64 // of the file
	at   int64 // bytes read
	head head

	step   int // the next one
	tokens int // before it
	done   bool
}

// openRouting opens a file FILE.routing and reads its head.
func openRouting(path string) (*reader, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, fileError(path, err)
	}
	r, err := newReader(path, file, info.Size())
	if err != nil {
		file.Close()
		return nil, err
	}
	r.file = file
	return r, nil
}

// newReader reads the head of a file of so many bytes.
func newReader(path string, in io.Reader, size int64) (*reader, error) {
	r := &reader{path: path, in: bufio.NewReaderSize(in, 1<<16), size: size}
	return r, r.readHead()
}

func (r *reader) Info() Info   { return r.head.Info }
func (r *reader) Close() error { return r.file.Close() }

// Total implements Sized: the last block says it, and is looked at again when its turn
// comes.
func (r *reader) Total() int {
	end := make([]byte, 8+blockEnd)
	if r.file == nil {
		return 0
	}
	if _, err := r.file.ReadAt(end, r.size-int64(len(end))); err != nil {
		return 0
	}
	return int(binary.LittleEndian.Uint64(end))
}

func (r *reader) readHead() error {
	start := make([]byte, len(mark))
	if n, err := io.ReadFull(r.in, start); err != nil || string(start) != mark {
		return r.errorf("starts with %q, a routing trace with %q", start[:n], mark)
	}
	r.at = int64(len(mark))
	text, err := r.block("head", headBlock, -1)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, &r.head); err != nil {
		return r.errorf("head: %w", err)
	}
	if r.head.Version != version {
		return r.errorf("head: field \"version\" is %d, want %d", r.head.Version, version)
	}
	if k := r.head.Kind; k != tokensKind && k != loadsKind {
		return r.errorf("head: field \"kind\" is %q, want %q or %q", k, tokensKind, loadsKind)
	}
	if err := r.head.Info.validate(); err != nil {
		return r.errorf("head: %w", err)
	}
	return nil
}

// Next reads a step. What it returns stays good.
func (r *reader) Next() (Step, error) {
	if r.done {
		return Step{}, io.EOF
	}
	where := fmt.Sprintf("step %d", r.step)
	name, err := r.peek(where)
	if err != nil {
		return Step{}, err
	}
	if name == stopBlock {
		return Step{}, r.stop()
	}
	at := r.at
	body, err := r.block(where, stepBlock, -1)
	if err != nil {
		return Step{}, err
	}
	s, err := r.stepOf(body)
	if err != nil {
		return s, r.errorf("%s: block at byte %d: %w", where, at, err)
	}
	choices := make([]Choices, len(r.head.Layers))
	for i, layer := range r.head.Layers {
		if choices[i], err = r.layer(layer, s.Tokens); err != nil {
			return s, err
		}
	}
	info := r.head.Info
	s.rows = func(dst []float32, i, from, to int) { choices[i].rows(dst, info.Experts, info.Recorded, from, to) }
	r.step++
	r.tokens += s.Tokens
	return s, nil
}

// stepOf reads the body of a step's block.
func (r *reader) stepOf(body []byte) (Step, error) {
	if len(body) < stepStart {
		return Step{}, fmt.Errorf("%d bytes, want %d or more", len(body), stepStart)
	}
	le := binary.LittleEndian
	number, first, tokens, runs := le.Uint64(body), le.Uint64(body[8:]), le.Uint32(body[16:]), le.Uint32(body[20:])
	s := Step{Number: r.step, First: r.tokens, Tokens: int(tokens)}
	if number != uint64(r.step) || first != uint64(r.tokens) {
		return s, fmt.Errorf("step %d from token %d, want step %d from token %d", number, first, r.step, r.tokens)
	}
	if err := r.head.Info.fits(s.Tokens); err != nil {
		return s, err
	}
	if want := stepStart + 8*int64(runs); int64(len(body)) != want {
		return s, fmt.Errorf("%d bytes for %d runs, want %d", len(body), runs, want)
	}
	sum := uint64(0)
	for b := body[stepStart:]; len(b) > 0; b = b[8:] {
		run := Run{le.Uint32(b), le.Uint32(b[4:])}
		s.Requests = append(s.Requests, run)
		sum += uint64(run.Tokens)
	}
	if runs > 0 && sum != uint64(tokens) {
		return s, fmt.Errorf("%d tokens, its %d runs have %d", tokens, runs, sum)
	}
	return s, nil
}

// layer reads the choices of a step's tokens in one layer.
func (r *reader) layer(number, tokens int) (Choices, error) {
	info := r.head.Info
	where := fmt.Sprintf("layer %d, step %d", number, r.step)
	at := r.at
	body, err := r.block(where, layerName, info.layerBody(tokens))
	if err != nil {
		return Choices{}, err
	}
	if n := binary.LittleEndian.Uint32(body); int64(n) != int64(number) {
		return Choices{}, r.errorf("%s: block at byte %d is of layer %d", where, at, n)
	}
	n := tokens * info.Recorded
	var c Choices
	ids, scores := body[4:4+n*info.idSize()], body[4+n*info.idSize():]
	for i := 0; i < len(ids); i += info.idSize() {
		e := uint16(ids[i])
		if info.idSize() == 2 {
			e = binary.LittleEndian.Uint16(ids[i:])
		}
		if int(e) >= info.Experts {
			return c, r.errorf("%s: block at byte %d: expert %d, want 0 to %d", where, at, e, info.Experts-1)
		}
		c.Expert = append(c.Expert, e)
	}
	if err := c.distinct(info.Experts, info.Recorded, r.tokens); err != nil {
		return c, r.errorf("%s: block at byte %d: %v", where, at, err)
	}
	c.Score = make([]float32, n)
	for i := range c.Score {
		c.Score[i] = math.Float32frombits(binary.LittleEndian.Uint32(scores[4*i:]))
	}
	return c, nil
}

// stop reads the last block.
func (r *reader) stop() error {
	at := r.at
	body, err := r.block("end", stopBlock, 16)
	if err != nil {
		return err
	}
	steps, tokens := binary.LittleEndian.Uint64(body), binary.LittleEndian.Uint64(body[8:])
	if steps != uint64(r.step) || tokens != uint64(r.tokens) {
		return r.errorf("last block at byte %d: %d steps of %d tokens, the file holds %d of %d", at, steps, tokens, r.step, r.tokens)
	}
	if r.at != r.size {
		return r.errorf("%d bytes, the last block ends at byte %d", r.size, r.at)
	}
	r.done = true
	return io.EOF
}

// peek is the name of the next block.
func (r *reader) peek(where string) (string, error) {
	name, err := r.in.Peek(len(stepBlock))
	if err != nil {
		return "", r.short(where, blockStart)
	}
	return string(name), nil
}

// block reads a block and returns its body. length is what it must have; -1: not known.
// No more memory is taken than the file has bytes.
func (r *reader) block(where, name string, length int) ([]byte, error) {
	at := r.at
	start := make([]byte, blockStart)
	if _, err := io.ReadFull(r.in, start); err != nil {
		return nil, r.short(where, blockStart)
	}
	if string(start[:4]) != name {
		return nil, r.errorf("%s: block at byte %d is %q, want %q", where, at, start[:4], name)
	}
	n := int64(binary.LittleEndian.Uint32(start[4:]))
	if length >= 0 && n != int64(length) {
		return nil, r.errorf("%s: block at byte %d has a body of %d bytes, want %d", where, at, n, length)
	}
	if at+blockStart+n+blockEnd > r.size {
		return nil, r.short(where, blockStart+n+blockEnd)
	}
	rest := make([]byte, n+blockEnd)
	if _, err := io.ReadFull(r.in, rest); err != nil {
		return nil, r.errorf("%s: block at byte %d: %w", where, at, err)
	}
	body, end := rest[:n], binary.LittleEndian.Uint32(rest[n:])
	sum := crc32.Update(crc32.Checksum(start, castagnoli), castagnoli, body)
	if sum != end {
		return nil, r.errorf("%s: block at byte %d: checksum %08x, its bytes have %08x", where, at, end, sum)
	}
	r.at += blockStart + n + blockEnd
	return body, nil
}

// short is the error for a file that ends before a block of so many bytes does.
func (r *reader) short(where string, bytes int64) error {
	return r.errorf("%s: file ends at byte %d, the block at byte %d needs %d bytes: cut short", where, r.size, r.at, bytes)
}

func (r *reader) errorf(format string, args ...any) error {
	return fileError(r.path, fmt.Errorf(format, args...))
}

// isRouting tells whether the bytes begin a file FILE.routing.
func isRouting(start []byte) bool { return bytes.HasPrefix(start, []byte(mark)) }
